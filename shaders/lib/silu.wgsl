// x times its sigmoid, of whose two forms it takes the one that cannot overflow:
// compilers may assume that there are no infinities.
fn silu(x: f32) -> f32 {
    let e = exp(-abs(x));
    return x * (select(1.0, e, x < 0.0) / (1.0 + e));
}
