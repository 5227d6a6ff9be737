// The workgroup's number when a grid of more than 65535 is spread over x and y.
// groups_x is the x extent, which the host writes into no buffer: shaders take
// it from num_workgroups.
fn group_index(id: vec3<u32>, groups: vec3<u32>) -> u32 {
    return id.x + id.y * groups.x;
}
