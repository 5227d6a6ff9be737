// What attention_chunk_tiled has in workgroup memory: four float32.
alias Stored = vec4<f32>;

const SPAN: f32 = 0.0; // of a weight, as an exponent of 2

fn as_stored(x: vec4<f32>) -> Stored {
    return x;
}

// Four float32 of a line.
fn floats(line: u32, at: u32) -> vec4<f32> {
    return pool[line][at];
}

fn store_floats(line: u32, at: u32, x: vec4<f32>) {
    pool[line][at] = x;
}

// A row's products with four keys, added up.
alias Sums = vec4<f32>;

fn sums_from(s: vec4<f32>) -> Sums {
    return s;
}

fn sums_to(s: vec4<f32>, sums: Sums) -> vec4<f32> {
    return sums;
}

fn products(sums: Sums, q: Stored, a: Stored, b: Stored, c: Stored, d: Stored) -> Sums {
    return add(sums, q, vec4<f32>(a.x, b.x, c.x, d.x), vec4<f32>(a.y, b.y, c.y, d.y),
        vec4<f32>(a.z, b.z, c.z, d.z), vec4<f32>(a.w, b.w, c.w, d.w));
}

// Four dimensions of a row's result.
alias Part = vec4<f32>;

fn part_from(o: vec4<f32>) -> Part {
    return o;
}

fn part_to(o: vec4<f32>, part: Part) -> vec4<f32> {
    return part;
}

// Adds the values of four entries, times their weights.
fn weigh(part: Part, w: Stored, a: Stored, b: Stored, c: Stored, d: Stored) -> Part {
    return add(part, w, a, b, c, d);
}

// s + w.x * a + w.y * b + w.z * c + w.w * d.
fn add(s: vec4<f32>, w: vec4<f32>, a: vec4<f32>, b: vec4<f32>, c: vec4<f32>, d: vec4<f32>) -> vec4<f32> {
    var sum = s;
    sum += w.x * a;
    sum += w.y * b;
    sum += w.z * c;
    sum += w.w * d;
    return sum;
}
