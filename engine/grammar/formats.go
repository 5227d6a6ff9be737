package grammar

// Parts of formats.
const (
	// A day that there is, February 29th in leap years only.
	date = `([0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8]))` +
		`|([0-9]{2}(0[48]|[2468][048]|[13579][26])|([02468][048]|[13579][26])00)-02-29)`
	// Without leap seconds.
	clock = `([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{1,9})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])`
	byte3 = `(25[0-5]|2[0-4][0-9]|1[0-9]{2}|[1-9]?[0-9])`
	label = `[a-zA-Z0-9]([a-zA-Z0-9-]{0,30}[a-zA-Z0-9])?`
)

// formats are the values of format that are kept, as patterns. Those of RFC 3339,
// RFC 4122 and RFC 2673; of RFC 5321's addresses the usual ones.
var formats = map[string]string{
	"date":      `^` + date + `$`,
	"time":      `^` + clock + `$`,
	"date-time": `^` + date + `T` + clock + `$`,
	"uuid":      `^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$`,
	"ipv4":      `^` + byte3 + `(\.` + byte3 + `){3}$`,
	"email":     `^[a-zA-Z0-9_%+-]{1,31}(\.[a-zA-Z0-9_%+-]{1,32})?@(` + label + `\.){1,3}[a-zA-Z]{2,12}$`,
}
