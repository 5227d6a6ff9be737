// What attention_chunk_tiled has in workgroup memory: four float16 in two words, as
// which float32 can lie there too. Products are added up in pairs of float16, 16 at
// most, or 32 weighed values where a head has no more than 64 dimensions, and these
// sums in float32. Pairs have names of their own: a compiler that multiplies two at once
// may not do so in arrays.
alias Tile = vec2<u32>;

fn as_tile(x: vec4<f32>) -> Tile {
    return bitcast<vec2<u32>>(vec4<f16>(x));
}

fn halves(x: Tile) -> vec4<f16> {
    return bitcast<vec4<f16>>(x);
}

// Four float32 in place of two tiles, of lines 2n and 2n + 1.
fn floats(line: u32, at: u32) -> vec4<f32> {
    return bitcast<vec4<f32>>(vec4<u32>(pool[2u * line][at], pool[2u * line + 1u][at]));
}

fn store_floats(line: u32, at: u32, x: vec4<f32>) {
    pool[2u * line][at] = bitcast<vec2<u32>>(x.xy);
    pool[2u * line + 1u][at] = bitcast<vec2<u32>>(x.zw);
}

// A row's products with four keys, those of even and of odd dimensions added up.
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

fn products(sums: Sums, of_row: Tile, key_a: Tile, key_b: Tile, key_c: Tile, key_d: Tile) -> Sums {
    let q = halves(of_row);
    let a = halves(key_a);
    let b = halves(key_b);
    let c = halves(key_c);
    let d = halves(key_d);
    return Sums(fma(q.zw, a.zw, fma(q.xy, a.xy, sums.a)), fma(q.zw, b.zw, fma(q.xy, b.xy, sums.b)),
        fma(q.zw, c.zw, fma(q.xy, c.xy, sums.c)), fma(q.zw, d.zw, fma(q.xy, d.xy, sums.d)));
}

// Four dimensions of a row's result, or what some entries add to them.
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
fn weigh(part: Part, weights: Tile, value_a: Tile, value_b: Tile, value_c: Tile, value_d: Tile) -> Part {
    let w = halves(weights);
    let a = halves(value_a);
    let b = halves(value_b);
    let c = halves(value_c);
    let d = halves(value_d);
    return Part(fma(w.ww, d.xy, fma(w.zz, c.xy, fma(w.yy, b.xy, fma(w.xx, a.xy, part.low)))),
        fma(w.ww, d.zw, fma(w.zz, c.zw, fma(w.yy, b.zw, fma(w.xx, a.zw, part.high)))));
}
