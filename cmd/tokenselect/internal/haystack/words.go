package haystack

// template is a kind of fact: how it is told and asked, of whom, and its values.
type template struct {
	told, asked string
	values      []string
}

var templates = []template{
	{"%s lives in %s.", "Where does %s live?", cities},
	{"%s works as a %s.", "What is the job of %s?", trades},
	{"%s keeps a %s at home.", "Which animal does %s keep?", animals},
	{"%s lost the %s on the way.", "What did %s lose?", things},
	{"%s travelled to %s last year.", "Where did %s travel?", cities},
	{"The favourite animal of %s is the %s.", "What is the favourite animal of %s?", animals},
	{"%s put the %s in the box.", "What did %s put in the box?", things},
	{"%s was born in %s.", "Where was %s born?", cities},
}

var (
	givenNames  = []string{"Alice", "Arthur", "Clara", "Daniel", "Edith", "Felix", "Grace", "Henry", "Ida", "Julia", "Karl", "Lucy", "Martha", "Nora", "Oscar", "Paul", "Rosa", "Simon", "Thomas", "Walter"}
	familyNames = []string{"Archer", "Barnes", "Carter", "Dixon", "Ellis", "Fisher", "Gibson", "Harper", "Hughes", "Keller", "Lamb", "Marsh", "Nash", "Palmer", "Quinn", "Reed", "Shaw", "Turner", "Walker", "Young"}
	cities      = []string{"Athens", "Berlin", "Boston", "Cairo", "Dublin", "Geneva", "Lisbon", "London", "Madrid", "Naples", "Oslo", "Oxford", "Paris", "Prague", "Rome", "Seville", "Tokyo", "Toronto", "Venice", "Vienna", "Warsaw", "Zurich"}
	trades      = []string{"baker", "banker", "carpenter", "clerk", "cook", "doctor", "driver", "farmer", "gardener", "judge", "lawyer", "miner", "nurse", "painter", "pilot", "potter", "printer", "sailor", "singer", "tailor", "teacher", "writer"}
	animals     = []string{"badger", "beaver", "camel", "donkey", "eagle", "falcon", "fox", "goat", "hare", "heron", "horse", "lamb", "lion", "monkey", "mouse", "otter", "owl", "parrot", "rabbit", "raven", "robin", "swan", "tiger", "turtle", "wolf"}
	things      = []string{"anchor", "basket", "bell", "bottle", "button", "candle", "clock", "coat", "coin", "compass", "cup", "drum", "flute", "hammer", "harp", "kettle", "key", "ladder", "lantern", "map", "mirror", "needle", "piano", "ribbon", "rope", "saddle", "shield", "spoon", "ticket", "violin", "wheel", "whistle"}
	adjectives  = []string{"bitter", "bright", "calm", "cold", "damp", "dark", "dry", "early", "gentle", "grey", "heavy", "hollow", "late", "lonely", "mild", "narrow", "old", "pale", "plain", "quiet", "rough", "silent", "slow", "steep", "warm", "wide", "wild"}
)
