module tokenselect

go 1.26
