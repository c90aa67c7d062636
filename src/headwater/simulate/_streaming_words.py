"""The words that made-up films and series are named and told with, and what their genres are."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["ADJECTIVES", "COUNTRIES", "FAMILIES", "GENRES", "GIVEN", "PLACES", "Genre"]


@dataclass(frozen=True)
class Genre:
    """How much of a catalogue it is, how long its films are, and how it is told."""

    name: str
    share: float
    minutes: int  # of a film, the mean
    series: float  # share that are series
    nouns: tuple[str, ...]
    adjectives: tuple[str, ...]
    jobs: tuple[str, ...]
    aims: tuple[str, ...]
    turns: tuple[str, ...]


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


def _parts(text: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in text.split(","))


def _genre(
    name: str,
    share: float,
    minutes: int,
    series: float,
    nouns: str,
    adjectives: str,
    jobs: str,
    aims: str,
    turns: str,
) -> Genre:
    return Genre(
        name,
        share,
        minutes,
        series,
        _words(nouns),
        _words(adjectives),
        _parts(jobs),
        _parts(aims),
        _parts(turns),
    )


GENRES = (
    _genre(
        "Drama", 0.20, 112, 0.35,
        "Orchard Harvest Inheritance Tide Kitchen Winter Daughter Bridge Letter Silence Ferry Vow",
        "Long Quiet Borrowed Unfinished Late Ordinary Patient Salt",
        "a teacher, a nurse, a widowed farmer, a retired ferryman, a young translator",
        "comes home for one summer, takes in a stranger, sells the family house, writes to a lost "
        "sister",
        "What was never said has to be said before the snow, The past comes to dinner, Both learn "
        "what a promise costs",
    ),
    _genre(
        "Comedy", 0.15, 98, 0.45,
        "Wedding Cousin Landlord Picnic Parrot Misunderstanding Caterer Reunion Caravan Honeymoon "
        "Mayor Lodger",
        "Reluctant Perfect Slightly Wrong Unlikely Third Famous Cheerful",
        "an unlucky caterer, a hopeless driving instructor, a wedding singer, a proud landlord",
        "pretends to be somebody else, enters a cooking contest, inherits a hotel nobody wants, "
        "loses the ring",
        "Nothing goes to plan and everybody is invited, The cousins make it worse, It takes a "
        "parrot to tell the truth",
    ),
    _genre(
        "Thriller", 0.11, 108, 0.35,
        "Witness Signal Passenger Code Alibi Hour Shadow Exchange Corridor Informant Deadline Wire",
        "Silent Last Cold False Hidden Second Missing Double",
        "a night porter, a sound engineer, an air traffic controller, a court clerk",
        "hears a call not meant for anyone, misses a train that never arrives, finds a stranger's "
        "passport, has one night to leave",
        "Somebody has been listening all along, Every door leads back to the same room, The clock "
        "is not on their side",
    ),
    _genre(
        "Crime", 0.10, 110, 0.60,
        "Harbour Verdict Ledger Quarry Inspector Heist Evidence Confession Motive Warrant Tunnel "
        "Accomplice",
        "Dirty Broken Northern Unsolved Black Honest Buried Crooked",
        "an inspector, a pathologist, a disbarred lawyer, a tired constable",
        "opens a case closed twenty years ago, looks into a theft nobody reported, plans one last "
        "job, protects a witness",
        "The whole town has an alibi, The money was never the point, One of them wears the badge",
    ),
    _genre(
        "Romance", 0.09, 104, 0.25,
        "Summer Dance Postcard Garden Kiss Balcony Neighbour Melody Valentine Lighthouse Proposal "
        "Rain",
        "Tender Sudden Second First Impossible Sweet Faraway Secret",
        "a piano tuner, a florist, a bookbinder, a pastry cook",
        "answers the wrong letter, waits at the same station every Friday, agrees to a marriage of "
        "convenience, meets an old flame",
        "Neither expects the rain, The summer ends too soon, It begins where both had given up",
    ),
    _genre(
        "Science Fiction", 0.08, 118, 0.40,
        "Orbit Colony Signal Machine Horizon Antenna Replica Comet Archive Engine Meridian Android",
        "Distant Electric Seventh Hollow Artificial Silver Infinite Lunar",
        "a maintenance pilot, a linguist, a memory archivist, an engineer on Mars",
        "wakes a year too early, receives a message from tomorrow, repairs a machine that dreams, "
        "is the last to leave the station",
        "Nobody on Earth remembers them, The machine has a question of its own, What answers is "
        "not alone",
    ),
    _genre(
        "Documentary", 0.08, 84, 0.45,
        "River Vineyard Glacier Archive Market Railway Beekeepers Workshop Expedition Reef Harvest "
        "Quarter",
        "Living Vanishing Wild Great Inside Forgotten Human Open",
        "a beekeeper, a mountain doctor, a boat builder, a market trader",
        "shows a trade that is dying out, follows the river to its source, keeps a diary for a "
        "year, opens an archive closed for decades",
        "The camera stays when others leave, Every season asks a new question, What is found "
        "changes the village",
    ),
    _genre(
        "Animation", 0.06, 92, 0.50,
        "Hedgehog Lantern Cloud Toymaker Whale Balloon Fox Clockwork Umbrella Robot Moon Puddle",
        "Brave Tiny Flying Curious Paper Wandering Golden Sleepy",
        "a clockwork fox, a hedgehog with a map, a forgetful cloud, a young toymaker",
        "sets out to find the missing colour blue, builds a ship of paper, befriends the last "
        "whale, must bring back the moon",
        "Being small turns out to help, The way home leads through the clouds, A song opens the "
        "gate",
    ),
    _genre(
        "Horror", 0.06, 97, 0.20,
        "Cellar Crypt Whisper Scarecrow Mirror Attic Chapel Hollow Swamp Séance Tooth Doll",
        "Pale Crawling Hungry Unholy Rotten Red Nameless Drowned",
        "a caretaker, a grave digger, a student of old tongues, a night nurse",
        "moves into the house by the marsh, opens the door that should stay shut, counts one child "
        "too many, hears breathing in the walls",
        "It has been waiting for them, The mirror remembers, Nobody leaves before dawn",
    ),
    _genre(
        "Adventure", 0.06, 115, 0.30,
        "Island Compass Treasure Pass Caravan Jungle Expedition Raft Canyon Volcano Map Corsair",
        "Lost Golden Uncharted Wild Eastern Stormy Emerald Forbidden",
        "a map maker, a deserted sailor, a mountain guide, a young pilot",
        "crosses the desert with a false map, races a rival to the pole, looks for a ship that "
        "sank with its secret, follows the old trade road",
        "The mountain decides who passes, Their guide has a plan of his own, What they seek is "
        "already taken",
    ),
    _genre(
        "History", 0.06, 124, 0.50,
        "Crown Siege Treaty Dynasty Regiment Throne Uprising Cathedral Armada Envoy Republic Queen",
        "Iron Fallen Royal Burning Divided Winter Last Glorious",
        "a court painter, a young envoy, a printer of forbidden books, a field surgeon",
        "carries a letter across the lines, paints the queen's last portrait, must choose between "
        "two crowns, hides a king in plain sight",
        "History forgets who opened the gate, A treaty is signed in blood, The winter is stronger "
        "than either army",
    ),
    _genre(
        "Music", 0.05, 102, 0.35,
        "Band Concert Choir Record Rehearsal Tango Trumpet Encore Nightclub Ballad Drummer Opera",
        "Blue Loud Midnight Lonesome Electric Out-of-Tune Golden Velvet",
        "a washed-up drummer, a choir mistress, a street violinist, a record collector",
        "puts the old band together again, writes a song for a rival, teaches a prison choir, "
        "hunts for a lost recording",
        "The last concert is not the last, Two voices find one song, The record was made for "
        "somebody else",
    ),
)  # fmt: skip

ADJECTIVES = _words(
    "Old New Little Great White Green Empty Heavy Bright Hidden Southern Western Broken Restless "
    "Gentle Crooked"
)
PLACES = _parts(
    "Valdoro, Port Ellery, Marrow Bay, Kestrel Hill, Ostrava Street, Lindgren, Santa Mira, "
    "Blackwater, Tamsin Cross, Novi Breg, Harrow Point, Almada Alta, Wickham Fen, Sorrel Creek, "
    "Castellan, Ravnholt, Quillon, Dunmore Sound, Vesper Lake, Belgrano Norte, Saint Aurel, "
    "Hollin Moor, Okamura, Tarifa Bay, Greyfriars, Montclar, Istria Square, Kilbride, Lower Ash, "
    "Cape Farrow"
)
GIVEN = _words(
    "Ada Bruno Clara Dario Edith Farid Greta Hugo Ines Jonas Kamila Leo Mira Nils Olga Pavel "
    "Quentin Rosa Samir Thea Umberto Vera Wanda Xenia Yusuf Zora Anouk Basil Celia Dmitri Elif "
    "Fergus Hana Ivo Juno Kofi Lena Milo Noor Otto"
)
FAMILIES = _words(
    "Aldous Brandt Calloway Dragan Eklund Farrow Gallo Hartmann Ilves Jansen Kowal Lindqvist "
    "Moreau Novak Okafor Pereira Quist Rahmani Salter Tanaka Ustinov Varga Whitlock Yilmaz Zeman "
    "Abreu Bellamy Costa Demir Engel Fontaine Grieg Holm Iversen Kimura Larsen Mbeki Nakagawa "
    "Orsini Petrov"
)
COUNTRIES = {  # share of a catalogue
    "United States": 0.30,
    "United Kingdom": 0.14,
    "France": 0.10,
    "Germany": 0.08,
    "South Korea": 0.07,
    "Japan": 0.06,
    "Netherlands": 0.05,
    "Spain": 0.05,
    "Denmark": 0.04,
    "India": 0.04,
    "Italy": 0.03,
    "Brazil": 0.02,
    "Nigeria": 0.02,
}
