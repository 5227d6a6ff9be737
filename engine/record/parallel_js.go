package record

// parallel calls f for each of n: there is one core.
func parallel(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}
