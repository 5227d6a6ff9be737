package simd

// MultiplyAdd is v = v*factor + step, rounds times, of each value: what a processor
// multiplies and adds at most, as nothing else is to be done and no sum waits for
// another.
func MultiplyAdd(v []float32, factor, step float32, rounds int) {
	i := 0
	if n := len(v) &^ 63; vector && multiplyAddVectors && n > 0 && rounds > 0 {
		multiplyAddVec(&v[0], n, factor, step, rounds)
		i = n
	}
	for ; i+8 <= len(v); i += 8 {
		multiplyAdd8((*[8]float32)(v[i:]), factor, step, rounds)
	}
	if i < len(v) {
		var some [8]float32
		n := copy(some[:], v[i:])
		multiplyAdd8(&some, factor, step, rounds)
		copy(v[i:], some[:n])
	}
}

// multiplyAdd8 has eight values on their way at a time, as the plain versions of sums
// have: one by one each would wait for its last round.
func multiplyAdd8(v *[8]float32, factor, step float32, rounds int) {
	a, b, c, d, e, f, g, h := v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]
	for range rounds {
		a, b, c, d = float32(a*factor)+step, float32(b*factor)+step, float32(c*factor)+step, float32(d*factor)+step
		e, f, g, h = float32(e*factor)+step, float32(f*factor)+step, float32(g*factor)+step, float32(h*factor)+step
	}
	*v = [8]float32{a, b, c, d, e, f, g, h}
}
