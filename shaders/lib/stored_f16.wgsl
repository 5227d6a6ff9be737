// What attention_chunk_tiled has in workgroup memory: four float16 as two words, so that
// float32 can lie there too. 16 products (32 weighed values where a head has no more than
// 64 dimensions) are added up in pairs of float16, and these sums in float32. Pairs have
// names of their own: a compiler that multiplies two at once may not do so in arrays.
alias Stored = vec2<u32>;

// The largest weight is 2 to the power of SPAN: float16 has fewer digits below 6e-5, or
// none, and there may be thousands of small weights. Values up to 64 can be added up.
const SPAN: f32 = 5.0;

fn as_stored(x: vec4<f32>) -> Stored {
    return bitcast<vec2<u32>>(vec4<f16>(x));
}

fn halves(x: Stored) -> vec4<f16> {
    return bitcast<vec4<f16>>(x);
}

// Four float32 of two lines, the first of which is twice line.
fn floats(line: u32, at: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(pool[2u * line][at], pool[2u * line + 1u][at]));
}

fn store_floats(line: u32, at: u32, x: vec4<f32>) {
    pool[2u * line][at] = bitcast<vec2<u32>>(x.xy);
    pool[2u * line + 1u][at] = bitcast<vec2<u32>>(x.zw);
}

// A row's products with four keys, even and odd dimensions added up apart.
struct Sums {
    a: vec2<f16>,
    b: vec2<f16>,
    c: vec2<f16>,
    d: vec2<f16>,
}

fn sums_from(s: vec4<f32>) -> Sums {
    return Sums();
}

fn sums_to(s: vec4<f32>, sums: Sums) -> vec4<f32> {
    let even = vec4<f16>(sums.a.x, sums.b.x, sums.c.x, sums.d.x);
    let odd = vec4<f16>(sums.a.y, sums.b.y, sums.c.y, sums.d.y);
    return s + (vec4<f32>(even) + vec4<f32>(odd));
}

fn products(sums: Sums, of_row: Stored, key_a: Stored, key_b: Stored, key_c: Stored, key_d: Stored) -> Sums {
    let q = halves(of_row);
    let a = halves(key_a);
    let b = halves(key_b);
    let c = halves(key_c);
    let d = halves(key_d);
    return Sums(fma(q.zw, a.zw, fma(q.xy, a.xy, sums.a)), fma(q.zw, b.zw, fma(q.xy, b.xy, sums.b)),
        fma(q.zw, c.zw, fma(q.xy, c.xy, sums.c)), fma(q.zw, d.zw, fma(q.xy, d.xy, sums.d)));
}

// What some entries add to four dimensions of a row's result.
struct Part {
    low: vec2<f16>,
    high: vec2<f16>,
}

fn part_from(o: vec4<f32>) -> Part {
    return Part();
}

fn part_to(o: vec4<f32>, part: Part) -> vec4<f32> {
    return o + vec4<f32>(vec4<f16>(part.low, part.high));
}

// Adds the values of four entries, times their weights.
fn weigh(part: Part, weights: Stored, value_a: Stored, value_b: Stored, value_c: Stored, value_d: Stored) -> Part {
    let w = halves(weights);
    let a = halves(value_a);
    let b = halves(value_b);
    let c = halves(value_c);
    let d = halves(value_d);
    return Part(fma(w.ww, d.xy, fma(w.zz, c.xy, fma(w.yy, b.xy, fma(w.xx, a.xy, part.low)))),
        fma(w.ww, d.zw, fma(w.zz, c.zw, fma(w.yy, b.zw, fma(w.xx, a.zw, part.high)))));
}
