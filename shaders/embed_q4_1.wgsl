// Looks tokens up in the embedding table: y[i] = w[ids[i]].
//
// ids: [rows]; y: [rows][cols]; w: [held][cols] Q4_1, blocks of 32 values in w and their scales and minimums in w_scale.
// A workgroup takes a row of y. Ids that this shard does not hold leave theirs
// as it is.
//#import lib/weight_q4_1
//#import lib/embed
