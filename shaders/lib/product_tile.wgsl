// The tiles of y that workgroups of matmul_* compute.
//#import lib/grid

// The first row and the first column of the rows x cols tile of a workgroup. Neighbours
// share rows of the weight, which is the larger matrix.
fn product_tile(id: vec3<u32>, groups: vec3<u32>, rows: u32, cols: u32) -> vec2<u32> {
    let number = group_index(id, groups);
    let row_tiles = (p.rows + rows - 1u) / rows;
    return vec2<u32>(number % row_tiles * rows, number / row_tiles * cols);
}
