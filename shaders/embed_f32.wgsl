// Looks tokens up in the embedding table: y[i] = w[ids[i]].
//
// ids: [rows]; y: [rows][cols]; w: [held][cols] float32.
// A workgroup takes a row of y. Ids that this shard does not hold leave theirs
// as it is.
//#import lib/weight_f32
//#import lib/embed
