"""Made-up files in the official layout of every source: invented films, people and numbers."""

from __future__ import annotations

import io
import tarfile
import zipfile

__all__ = ["CORPUS", "CSV_RELEASES", "OFFICIAL", "archive", "tarred"]

NO_FLAGS = "|".join("0" * 19)


def flags(*on: int) -> str:
    return "|".join("1" if at in on else "0" for at in range(19))


def tarred(files: dict[str, bytes], mode: str = "w") -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as tar:  # type: ignore[call-overload]
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def archive(name: str, files: dict[str, bytes]) -> bytes:
    """The files as the archive whose name this is."""
    if name.endswith(".tar.gz"):
        return tarred(files, "w:gz")
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as zipped:
        for path, content in files.items():
            zipped.writestr(path, content)
    return out.getvalue()


CSV_RELEASES = {"small": "ml-latest-small", "20m": "ml-20m", "25m": "ml-25m", "32m": "ml-32m"}

ML_CSV = {
    "ratings.csv": "userId,movieId,rating,timestamp\n7,1,4.5,1100000000\n7,30,0.5,1100000005\n"
    "9,1,3.0,1200000000\n",
    "movies.csv": "movieId,title,genres\n"
    '1,"Lamp, The (Lampe, La) (2001)",Comedy|Drama\n'
    '30,"""Quoted"" Film (1999-2004)",(no genres listed)\n'
    "31,Ohne Jahr,Sci-Fi\n",
    "links.csv": "movieId,imdbId,tmdbId\n1,0114709,862\n30,0000007,\n31,8,9\n",
    "tags.csv": "userId,movieId,tag,timestamp\n7,1,dry,1100000000\n",
}

NETFLIX_1 = b"1:\n6,3,2005-09-06\n7,5,2005-05-13\n"
NETFLIX_2 = b"2:\n7,4,1999-12-31\n"
NETFLIX_TITLES = "1,2003,Une \xeele, deux mers\n2,NULL,Sans ann\xe9e\n".encode("latin-1")

LASTFM = {
    "artists.dat": "id\tname\turl\tpictureURL\n"
    '51\tThe "Quotes"\thttp://a\thttp://b\n52\tJöel\thttp://c\t\n',
    "user_artists.dat": "userID\tartistID\tweight\n2\t51\t13883\n2\t52\t10\n3\t52\t7\n",
    "user_taggedartists.dat": "userID\tartistID\ttagID\tday\tmonth\tyear\n"
    "2\t52\t3\t1\t4\t2009\n2\t52\t1\t1\t4\t2009\n3\t52\t3\t1\t5\t2010\n",
}

# name -> path in the download -> content
MIND = {
    "behaviors.tsv": (
        b"1\tU9\t11/14/2019 9:05:58 AM\tN1 N3\tN2-0 N4-1\n2\tU8\t11/14/2019 1:05:58 PM\t\tN2-1\n"
    ),
    "news.tsv": (
        b'N1\tnews\tworld\tA "quote\tText\thttps://x\t[{"WikidataId": "Q1"}]\t[]\n'
        b"N2\tsports\tgolf\tTitle\t\thttps://x\t\t"
        b'[{"WikidataId": "Q2"}, {"WikidataId": "Q2"}]\n'
        b'N3\tnews\tus\tThree\tMore\t\t[{"WikidataId": "Q2"}]\t[{"WikidataId": "Q4"}]\n'
        b'N4\tnews\tus\tFour\t\t\t[{"WikidataId": "Q9"}]\t[]\n'
    ),
    "entity_embedding.vec": b"Q1\t1.5\t-2\t0.25\t\nQ2\t0\t1\t-1e-1\t\nQ4\t2\t3\t4.1\t\n",
    "relation_embedding.vec": b"P31\t1\t2\t3\t\n",
}
BANDIT = {
    "item_context.csv": b",item_id,item_feature_0,item_feature_1\n0,0,-0.5,aa\n1,1,0.5,bb\n",
    "rounds": (
        b",timestamp,item_id,position,click,propensity_score,user_feature_0,user_feature_1,"
        b"user_feature_2,user_feature_3,user-item_affinity_0\n"
        b"0,2019-11-24 00:00:34.762830+00:00,1,3,0,0.5,aaaaaaaaaa,b,c,d,0.0\n"
        b"1,2019-11-24 00:00:35.762830+00:00,0,1,1,0.25,aaaaaaaaab,b,c,d,0.0\n"
        b"2,2019-11-24 00:00:36.762830+00:00,1,2,1,0.5,e,b,c,d,0.0\n"
    ),
}

POSTERS = {
    "movieDB-static-1/image_tools.ts": b"invented",
    "movieDB-static-1/posters/tt0000008.jpg": b"\xff\xd8 eight",
    "movieDB-static-1/posters/tt0114709.jpg": b"\xff\xd8 lamp",
    "movieDB-static-1/posters/tt9999999.jpg": b"\xff\xd8 nobody knows",
}
CORPUS = "chemical-exposure-information-corpus-master"

OFFICIAL: dict[str, dict[str, bytes]] = {
    "movielens-100k": {
        "ml-100k/u.data": b"196\t2\t3\t881250949\n186\t1\t4\t891717742\n196\t1\t5\t881250950\n",
        "ml-100k/u1.test": b"196\t1\t5\t881250950\n",
        "ml-100k/u1.base": b"196\t2\t3\t881250949\n186\t1\t4\t891717742\n",
        "ml-100k/ua.test": b"186\t1\t4\t891717742\n196\t2\t3\t881250949\n",
        "ml-100k/u.item": (
            f"1|Caf\xe9 (1995)|01-Jan-1995||http://us.imdb.com/1|{flags(3, 4)}\n"
            f"2|unknown||||{flags(0)}\n3|Zug\x85um (1990) (V)|||x|{NO_FLAGS}\n"
        ).encode("latin-1"),
        "ml-100k/u.user": b"186|24|M|technician|85711\n196|53|F|other|T8H1N\n",
    },
    "movielens-1m": {
        "ml-1m/ratings.dat": b"1::3::5::978300760\n1::1::4::978302109\n2::3::1::978298413\n",
        "ml-1m/movies.dat": (
            "1::Episode IV: Caf\xe9 (1977)::Action|Sci-Fi\n3::Mis\xe9rables, Les (1995)::Drama\n"
        ).encode("latin-1"),
        "ml-1m/users.dat": b"1::F::1::10::48067\n2::M::56::16::70072-0001\n",
    },
    "movielens-10m": {
        "ml-10M100K/ratings.dat": b"1::122::5::838985046\n2::185::0.5::838983525\n",
        "ml-10M100K/movies.dat": (
            "122::Über: alles (1992)::Comedy\n185::Net, The (1995)::(no genres listed)\n"
        ).encode(),
        "ml-10M100K/tags.dat": b"15::4973::excellent!::1215184630\n",
    },
    **{
        f"movielens-{size}": {f"{folder}/{n}": text.encode() for n, text in ML_CSV.items()}
        for size, folder in CSV_RELEASES.items()
    },
    "netflix-prize": {
        "download/README": b"invented",
        "download/movie_titles.txt": NETFLIX_TITLES,
        "download/training_set.tar": tarred(
            {
                "training_set/mv_0000001.txt": NETFLIX_1,
                "training_set/mv_0000002.txt": NETFLIX_2,
            }
        ),
    },
    "goodbooks": {
        "ratings.csv": b"user_id,book_id,rating\n1,2,5\n2,1,3\n1,1,4\n",
        "books.csv": (
            "book_id,goodreads_book_id,best_book_id,work_id,books_count,isbn,isbn13,authors,"
            "original_publication_year,original_title,title,language_code\n"
            '1,900,900,10,2,0439023483,9.78e+12,"Ann A., Bo B.",2008.0,Lärm,'
            '"Lärm (Serie, #1)",eng\n'
            "2,901,901,11,2,,,Cy C.,-300.0,,Alt,\n"
        ).encode(),
        "book_tags.csv": b"goodreads_book_id,tag_id,count\n900,1,5\n900,0,70\n901,1,3\n",
        "tags.csv": b"tag_id,tag_name\n0,to-read\n1,fantasy\n",
        "to_read.csv": b"user_id,book_id\n1,2\n",
    },
    "gowalla": {"train.txt": b"0 5 3\n1 \n2 5", "test.txt": b"0 9\n1\n2 3 9\n"},
    "amazon-book": {
        "train.txt": b"0 1 0\n1 1\n",
        "test.txt": b"0 2\n1 \n",
        "item_list.txt": b"org_id remap_id freebase_id\nB0 0 m.0\n0393316041 1 m.1\nB2 2 m.2\n",
    },
    "lastfm-hetrec": {
        **{name: text.replace("\n", "\r\n").encode() for name, text in LASTFM.items()},
        "tags.dat": "tagID\ttagValue\r\n1\tmetal\r\n3\tfu\xdfball\r\n".encode("latin-1"),
    },
    **{f"mind-{size}{part}": MIND for size in ("demo", "small", "large") for part in ("", "-dev")},
    **{
        f"open-bandit-{policy}-{campaign}": {
            f"{campaign}.csv": BANDIT["rounds"],
            "item_context.csv": BANDIT["item_context.csv"],
        }
        for policy in ("random", "bts")
        for campaign in ("all", "men", "women")
    },
    "movielens-plots": {
        "movies_extrainfos.dat": (
            "1::Café::1977::PG::25 May 1977::Action::A. B.::A. B.::C, D::"
            " Two robots :: a farmer, and a café. ::https://x/1.jpg\n"
            "2::Elsewhere::1990::R::N/A::Drama::E::E::F::Not in MovieLens.::https://x/2.jpg\n"
            "3::Misérables::1995::R::N/A::Drama::E::E::F::N/A::N/A\n"
        ).encode()
    },
    "movie-posters": POSTERS,
    "movielens-posters": POSTERS,
    "chemical-exposure": {
        f"{CORPUS}/README.md": b"invented",
        f"{CORPUS}/text/101.txt": b"Lead was in the air .\nIt was in cord blood , too .\n",
        f"{CORPUS}/labels/101.txt": (
            b"< <Exposure routes--inhalation--other--workers AND  exposure routes--inhalation--"
            b"<Biomonitoring--exposure biomarker--blood--cord blood AND  Biomonitoring--exposure "
            b"biomarker--other--<exposure routes--inhalation--other--"
        ),
        f"{CORPUS}/text/99.txt": "Mines in Åre .\n".encode(),
        f"{CORPUS}/labels/99.txt": b"<site comparisons--workplace< ",
    },
    "user-satisfaction": {
        "ReDial.txt": (
            b"USER\tHello! Any drama?\t\t3,3,3\nSYSTEM\tYes, the one with\tx\t\n"
            b"USER\tOVERALL\t\t4,3,4\n\nUSER\tHi\t\t2\nUSER\tOVERALL\t\t2,3\n"
        ),
        "CCPE.txt": b"SYSTEM\tWhat do you like?\t\t\nUSER\tHorror\tOTHER\t3,3,3\n"
        b"USER\tOVERALL\t\t3,3,3\n",
        "SGD.txt": b"USER\tA flight .\tINFORM_INTENT\t2,3,3\nUSER\tOVERALL\t\t1,1,2\n\n",
        "MWOZ.txt": (
            b"USER\tA room\tHotel-Inform\t3,3,3\nSYSTEM\tWhich ? When ?\tHotel-Request\t\n"
            b"USER\tAnd is there a train ?\tTrain-Inform\t3,3,3\nUSER\tOVERALL\t\t5,5,4\n"
        ),
    },
}
