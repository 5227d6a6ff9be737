package task

import (
	"slices"
	"strconv"
	"strings"
)

var (
	givenNames = strings.Fields(`Ada Adam Alan Alice Amy Anna Arthur Ben Bella Carl Clara Dan Daisy David Diana Edith Edward Ella
		Emma Eric Eva Felix Flora Frank Fred George Grace Hannah Harry Helen Henry Ida Ivan Jack James Jane Jean John Julia
		Karl Kate Laura Leo Lily Linda Louis Lucy Mark Martha Mary Max Mia Nina Noah Nora Olga Oscar Otto Paul Peter Ralph
		Rita Robert Rosa Ruth Sam Sara Simon Stella Theo Thomas Tina Tom Vera Victor Walter Wendy William Yara Zoe`)
	familyNames = strings.Fields(`Abbott Archer Baker Barnes Bell Bishop Black Booth Brown Burke Carter Chase Clark Cole Cook
		Cooper Cross Dale Davis Dawson Dixon Drake Ellis Evans Fisher Fleming Ford Foster Fox Frost Gibson Grant Gray Green
		Hale Hall Harper Hart Hayes Hill Holmes Howard Hughes Hunt Jones Kelly King Knight Lamb Lane Lloyd Long Lowe Marsh
		Martin Mason Miller Moore Morgan Morris Nash Newton North Page Palmer Parker Pearce Perry Pope Porter Price Quinn
		Reed Rhodes Rose Ross Scott Shaw Stone Swift Taylor Turner Vance Wade Walker Ward Watson Webb West White Wolfe
		Wood Young`)
	cities = strings.Fields(`Athens Berlin Boston Cairo Chicago Cork Delhi Dublin Durham Florence Geneva Glasgow Granada Hamburg
		Havana Helsinki Kyoto Leeds Lima Lisbon London Lyon Madrid Malta Milan Naples Nairobi Oslo Oxford Paris Perth Porto
		Prague Quebec Riga Rome Salem Seville Sydney Tampa Tokyo Toronto Tunis Turin Utrecht Venice Vienna Warsaw York Zurich`)
	trades = strings.Fields(`architect baker banker botanist carpenter chemist clerk cook dentist doctor driver editor engineer
		farmer fisherman florist gardener geologist judge lawyer librarian mason mechanic miner musician nurse painter pilot
		plumber poet potter priest printer sailor sculptor singer soldier surgeon tailor teacher tutor vet waiter weaver writer`)
	things = strings.Fields(`apple anchor atlas banana basket bell boat book bottle bridge brush bucket button candle carpet castle
		chair cheese clock coat coin compass crown cup desk diamond door drum engine feather flag flute fork garden glass
		glove guitar hammer harp hat helmet horn jacket jar kettle key kite knife ladder lamp lantern lemon letter lock
		magnet map mask medal mirror needle notebook orange oven paper pearl pen pencil piano pillow pipe plate pocket
		pumpkin purse radio ribbon ring rope saddle sail scarf shield shoe shovel silver soap spoon stove sword table
		telescope tent thread ticket towel trumpet tunnel umbrella vase violin wagon wallet watch wheel whistle window wrench`)
	colours = strings.Fields(`amber black blue bronze brown crimson gold green grey indigo ivory orange pink purple red scarlet
		silver teal violet white yellow`)
	animals = strings.Fields(`badger bear beaver camel cat cow crow deer dog dolphin donkey duck eagle falcon ferret fox frog goat
		goose hare hawk hedgehog heron horse jackal lamb leopard lion lizard lynx mole monkey moose mouse mule otter owl ox
		panda parrot pig pigeon pony rabbit raven robin seal sheep snake spider stork swan tiger toad turtle whale wolf zebra`)
	adjectives = strings.Fields(`abundant ancient bitter bold brave brief bright broad calm careful cheap clean clever cold common
		cool curious damp dark deep distant dry eager early easy empty fair faint fancy fast fierce fine firm flat fond
		formal fresh gentle giant glad grand great happy harsh heavy hidden high hollow honest huge humble icy idle keen
		kind large late lazy light lively lonely long loose loud lucky mild modern narrow neat new noble odd old pale plain
		polite poor proud pure quick quiet rapid rare raw ready rich rough round royal sad safe sharp short shy silent
		simple slow small smooth soft solid sour steady steep strange strong sudden sweet swift tall tame thick thin tiny
		tough vast warm weak wet wide wild wise`)
	nouns = slices.Concat(things, animals)
)

var factKinds = []fact{
	{"%[1]s lives in %[2]s.", "%[1]s lives in %[2]s.", []string{"Where does %[1]s live?", "In which city does %[1]s live?"}, cities},
	{"%[1]s works as a %[2]s.", "%[1]s works as a %[2]s.", []string{"What is the job of %[1]s?", "What does %[1]s do for a living?"}, trades},
	{"%[1]s keeps a %[2]s at home.", "%[1]s keeps a %[2]s.", []string{"Which animal does %[1]s keep?", "What animal lives with %[1]s?"}, animals},
	{"%[1]s lost the %[2]s on the way.", "%[1]s lost the %[2]s.", []string{"What did %[1]s lose?"}, things},
	{"%[1]s painted the gate %[2]s.", "The gate is %[2]s.", []string{"What colour is the gate that %[1]s painted?", "Which colour did %[1]s choose for the gate?"}, colours},
	{"%[1]s put the %[2]s in the box.", "%[1]s put the %[2]s in the box.", []string{"What did %[1]s put in the box?", "What is in the box of %[1]s?"}, things},
	{"%[1]s travelled to %[2]s last year.", "%[1]s travelled to %[2]s.", []string{"Where did %[1]s travel?", "To which city did %[1]s travel?"}, cities},
	{"The favourite animal of %[1]s is the %[2]s.", "It is the %[2]s.", []string{"What is the favourite animal of %[1]s?"}, animals},
	{"%[1]s is %[2]s years old.", "%[1]s is %[2]s years old.", []string{"How old is %[1]s?", "What is the age of %[1]s?"}, ages()},
}

func ages() []string {
	var list []string
	for i := 11; i < 99; i++ {
		list = append(list, strconv.Itoa(i))
	}
	return list
}
