"""What each protocol holds out, in what proportions, and that nothing of it leaks."""

import json
import math
from collections import Counter
from dataclasses import asdict, replace

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from headwater.data.split import (
    PAST,
    PROTOCOLS,
    TRAIN,
    TRUTH,
    ColdItems,
    LastN,
    LeaveOneOut,
    RandomPerUser,
    Split,
    StrongGeneralization,
    Temporal,
    UserFolds,
    assemble,
    default_protocol,
    describe,
    load,
    protocol,
    save,
    split,
    splits,
)
from headwater.data.toy import blocks, world
from headwater.errors import BadArtifact, BadParameter, DataError, Leak, UnknownName
from headwater.types import PAD, Histories, Ids, Impressions, Queries, Slate

ALL = [
    Temporal(),
    Temporal(newcomers=True, known_items=False),
    RandomPerUser(),
    StrongGeneralization(),
    LeaveOneOut(),
    LastN(n=2),
    UserFolds(folds=3, fold=1),
    ColdItems(share=0.3),
    ColdItems(share=0.3, pool="all"),
]
names = [repr(each) for each in ALL]


def dataset(events, n_users, n_items):
    """From (user, item, time) triples; ids are texts in an order of their own."""
    rows, items, times = (np.array(column, int) for column in zip(*events, strict=True))
    log = Histories.of(rows, items, n_rows=n_users, n_items=n_items, times=times)
    made = world(log)
    users = pl.Series([f"u{(7 * u + 3) % 10007}" for u in range(n_users)])
    return replace(
        made,
        users=Ids(users),
        items=Ids(pl.Series([f"i{(5 * i + 2) % 10009}" for i in range(n_items)])),
        people=pl.DataFrame({"who": users}),
    )


def sized(lengths, n_items=400, seed=99):
    """Users with so many different items each, one second apart in random order."""
    rng = np.random.default_rng(seed)
    pairs = [(u, i) for u, h in enumerate(lengths) for i in rng.permutation(n_items)[:h]]
    when = rng.permutation(len(pairs)) + 1
    return dataset(
        [(u, i, t) for (u, i), t in zip(pairs, when, strict=True)], len(lengths), n_items
    )


def events(data, log=None, users=None):
    """(user id, item, time) of every event, as often as it is there."""
    log = data.log if log is None else log
    ids = data.users.values.to_list() if users is None else users.to_list()
    rows = zip(log.rows, log.items, log.times, strict=True)
    return Counter((ids[r], int(i), int(t)) for r, i, t in rows)


@st.composite
def worlds(draw):
    """Few users and items, so that ties, repeats, empty rows and strangers are common."""
    n_users, n_items = draw(st.integers(3, 9)), draw(st.integers(3, 9))
    late = draw(st.sampled_from([0, 3, 50]))
    event = st.tuples(
        st.integers(0, n_users - 1), st.integers(0, n_items - 1), st.integers(0, late)
    )
    return dataset(draw(st.lists(event, min_size=15, max_size=60)), n_users, n_items)


class TestNothingLeaks:
    """The definition written out with sets, on random data."""

    @settings(max_examples=60, deadline=None)
    @given(data=worlds(), by=st.sampled_from(ALL), seed=st.integers(0, 3))
    def test_on_random_data(self, data, by, seed):
        try:
            found = split(data, by, seed=seed)
        except DataError as error:
            for said in ("Choose another", "a temporal split needs", "events share it"):
                assume(said not in str(error))
            raise
        self.is_sound(data, found)
        if found.inner is not None:
            self.is_sound(data, found.inner)
        try:
            inside = found.validation
        except DataError:
            return
        self.is_sound(found.train if found.inner is None else data, inside)
        allowed = events(found.train)
        for log, users in (
            (inside.train.log, inside.train.users.values),
            (inside.queries.history, inside.users),
            (inside.truth, inside.users),
        ):
            assert not events(data, log, users) - allowed
        for user, item, _ in events(data, inside.truth, inside.users):
            tested = found.users.to_list()
            if user in tested:
                row = tested.index(user)
                assert item not in found.truth[row : row + 1].items

    def is_sound(self, data, found):
        everything = events(data)
        trained = events(found.train)
        past = events(data, found.queries.history, found.users)
        truth = events(data, found.truth, found.users)
        assert not trained - everything
        assert not past - everything
        assert not (truth + trained) - everything
        known = {(u, i) for u, i, _ in trained} | {(u, i) for u, i, _ in past}
        assert not known & {(u, i) for u, i, _ in truth}
        assert (found.truth.lengths > 0).all()
        assert found.users.n_unique() == len(found.users)
        assert found.train.log.n_items == len(found.train.items) == len(data.items)
        assert (found.train.log.lengths > 0).all()
        assert found.train.people["who"].equals(found.train.users.values)
        learned = found.train.users.values.to_list()
        for user, at in zip(found.users, found.queries.user, strict=True):
            assert at == (learned.index(user) if user in learned else PAD)
        if found.cut is not None:
            assert all(t < found.cut for *_, t in trained)
            assert all(t < found.cut for *_, t in past)
            assert all(t >= found.cut for *_, t in truth)
            assert (found.queries.now == found.cut).all()

    @settings(max_examples=25, deadline=None)
    @given(data=worlds(), by=st.sampled_from(ALL))
    def test_saved_and_loaded_it_is_the_same(self, data, by, tmp_path_factory):
        try:
            made = by(data)
        except DataError:
            return
        folder = tmp_path_factory.mktemp("split") / "stored"
        same(load(save(made, folder), data), made)


def same(a, b):
    for one, other in ((a, b), (a.inner, b.inner)):
        assert (one is None) == (other is None)
        if one is None:
            continue
        for left, right in (
            (one.train.log, other.train.log),
            (one.queries.history, other.queries.history),
            (one.truth, other.truth),
        ):
            for name in ("start", "items", "times", "values"):
                np.testing.assert_array_equal(getattr(left, name), getattr(right, name))
        for name in ("user", "now", "pool"):
            np.testing.assert_array_equal(getattr(one.queries, name), getattr(other.queries, name))
        assert one.train.users.values.equals(other.train.users.values)
        assert one.users.equals(other.users)
        for name in ("name", "seed", "cut", "dropped", "notes", "protocol"):
            assert getattr(one, name) == getattr(other, name)


class TestCheck:
    """A leak put in by hand is found, and named."""

    data = dataset([(0, 0, 1), (0, 1, 2), (0, 2, 3), (1, 0, 4), (1, 2, 5)], 2, 3)
    roles = np.array([TRAIN | PAST, TRAIN | PAST, TRUTH, TRAIN, TRAIN], np.uint8)

    def test_the_same_without_one_is_fine(self):
        made = assemble(self.data, self.roles)
        assert (len(made), made.truth.items.tolist(), made.queries.user.tolist()) == (1, [2], [0])

    @pytest.mark.parametrize("role", [TRAIN, PAST])
    def test_a_held_out_event_that_is_known(self, role):
        with pytest.raises(Leak, match=r"1 held-out events.*user 'u3' item 'i12'"):
            assemble(self.data, self.roles | np.array([0, 0, role, 0, 0], np.uint8))

    def test_the_same_pair_at_another_time(self):
        data = dataset([(0, 0, 1), (0, 1, 2), (0, 0, 3)], 1, 2)
        with pytest.raises(Leak, match="training"):
            assemble(data, np.array([TRAIN, TRAIN | PAST, TRUTH], np.uint8))

    def test_a_user_who_is_said_to_be_new(self):
        """Events of the one who asks, in training under the same id."""
        made = assemble(self.data, self.roles)
        new = replace(made.queries, user=np.array([PAD], np.int32))
        replace(made, queries=new)
        known = made.train.log.items.copy()
        known[0] = 2
        with pytest.raises(Leak, match="training"):
            replace(
                made,
                queries=new,
                train=replace(made.train, log=replace(made.train.log, items=known)),
            )

    @pytest.mark.parametrize("cut", [5, 2])
    def test_training_from_the_cut_on(self, cut):
        with pytest.raises(Leak, match=r"not before the cut at"):
            assemble(self.data, self.roles, cut=cut)

    def test_the_history_from_the_cut_on(self):
        roles = np.array([TRAIN, PAST, TRUTH, 0, 0], np.uint8)
        with pytest.raises(Leak, match="histories"):
            assemble(self.data, roles, cut=2)
        assert assemble(self.data, roles, cut=3).cut == 3

    def test_validation_outside_training(self):
        inner = assemble(self.data, np.array([TRAIN, TRAIN | PAST, TRUTH, TRAIN, TRAIN], np.uint8))
        with pytest.raises(Leak, match="validation"):
            assemble(self.data, self.roles, inner=inner)

    def test_parts_that_do_not_belong_together(self):
        made = assemble(self.data, self.roles)
        with pytest.raises(DataError, match="a row for each request"):
            replace(made, users=pl.Series(["u3", "u10"]))
        with pytest.raises(DataError, match="number that the user has"):
            replace(made, queries=replace(made.queries, user=np.array([1], np.int32)))
        with pytest.raises(DataError, match="as many roles"):
            assemble(self.data, self.roles[:2])

    def test_nothing_to_learn_or_to_ask(self):
        with pytest.raises(DataError, match="nobody is left to ask"):
            assemble(self.data, np.full(5, TRAIN, np.uint8))
        with pytest.raises(DataError, match="nothing is left to learn from"):
            assemble(self.data, np.full(5, TRUTH, np.uint8))


class TestStrongGeneralization:
    def test_the_counts_of_ml_1m(self):
        rng = np.random.default_rng(1)
        data = sized(rng.integers(5, 12, 6040))
        made = split(data, "strong_generalization")
        inner = made.validation
        assert len(made.train.users) == 5436
        assert (len(inner.train.users), len(inner), len(made)) == (4832, 604, 604)
        share = len(made.train.log.items) / len(data.log.items)
        assert share == pytest.approx(0.9, abs=0.01)
        assert len(inner.train.log.items) == pytest.approx(
            8 / 9 * len(made.train.log.items), abs=0.01 * len(made.train.log.items)
        )

    def test_the_order_written_out(self):
        """Shuffle, look at the share, shuffle again; then the same within those kept."""
        rng = np.random.default_rng(2)
        lengths = [*rng.integers(1, 30, 40), 0, 0, 300]  # somebody with a third of all events
        data = sized(lengths)
        asked = StrongGeneralization(seed=5)
        made = asked(data)

        draw = np.random.default_rng(5)
        users = [u for u, h in enumerate(lengths) if h]

        def cut(users, share):
            total = sum(lengths[u] for u in users)
            size = math.floor(share * len(users) + 1e-9)
            for _ in range(5):
                users = draw.permutation(users).tolist()
                if abs(sum(lengths[u] for u in users[:size]) / total - share) <= 0.01:
                    break
            return users[:size], users[size:]

        kept, tested = cut(users, 0.9)
        learned, checked = cut(kept, 0.8 / 0.9)
        ids = data.users.values.to_list()
        assert set(made.train.users.values) == {ids[u] for u in kept}
        assert set(made.validation.train.users.values) == {ids[u] for u in learned}
        assert set(made.users) <= {ids[u] for u in tested}
        assert set(made.validation.users) <= {ids[u] for u in checked}
        assert made.notes, "a third of the events in one user cannot be shared out"

    def test_what_is_fed_in(self):
        data = sized(list(range(1, 41)) * 10)
        made = split(data, "strong_generalization", seed=3)
        for part in (made, made.validation):
            h = part.queries.history.lengths + part.truth.lengths
            np.testing.assert_array_equal(
                part.queries.history.lengths, [math.ceil(4 * n / 5) for n in h]
            )
            assert (part.queries.user == PAD).all()
        ids = data.users.values.to_list()
        lengths = dict(zip(ids, data.log.lengths, strict=True))
        trained = set(made.train.users.values)
        short = [u for u in ids if u not in trained and lengths[u] < 5]
        assert short
        assert not set(short) & set(made.users)
        assert made.dropped["users with nothing held out"] == len(short)

    def test_the_fold_in_is_random_not_recent(self):
        made = split(sized([50] * 50), "strong_generalization")
        newest = made.queries.history.times[made.queries.history.start[1:] - 1]
        oldest_held = made.truth.times[made.truth.start[:-1]]
        assert (newest > oldest_held).all()

    def test_items_stay(self):
        data = sized([6] * 30, n_items=500)
        made = split(data, "strong_generalization")
        assert made.train.log.n_items == 500
        assert len(set(made.train.log.items)) < 500

    def test_another_seed_is_another_split(self):
        data = sized([10] * 50)
        users = [set(each.users) for each in splits(data, "strong_generalization", n=3, seed=4)]
        assert users[0] != users[1] != users[2]
        assert users[1] == set(split(data, "strong_generalization", seed=5).users)

    def test_without_validation_users_the_training_users_are_split(self):
        made = StrongGeneralization(train=0.9, validation=0)(sized([10] * 50))
        assert made.inner is None
        assert len(made.train.users) == 45
        assert len(made.validation.train.users) == 40


class TestTemporal:
    def test_what_is_dropped_and_what_stays(self):
        log = [
            (0, 0, 1),
            (0, 1, 2),
            (1, 1, 3),
            (2, 2, 4),
            (0, 2, 7),
            (1, 3, 8),
            (3, 0, 9),
            (0, 0, 9),
        ]
        data = dataset(log, 4, 5)
        made = Temporal(held_out=0.5)(data)
        assert made.cut == 7
        assert made.users.to_list() == ["u3"]
        assert made.truth.items.tolist() == [2]
        assert made.queries.history.items.tolist() == [0, 1]
        assert made.dropped == {
            "users without a history": 1,  # user 3
            "held-out events on items unknown in training": 1,  # item 3
            "held-out events on items of the user's own history": 1,  # (0, 0) again
            "users with nothing held out": 1,  # user 1
        }
        everybody = Temporal(held_out=0.5, newcomers=True, known_items=False)(data)
        assert everybody.users.to_list() == ["u3", "u10", "u24"]
        assert everybody.queries.user.tolist() == [0, 1, PAD]
        assert everybody.queries.history.lengths.tolist() == [2, 1, 0]
        assert everybody.truth.items.tolist() == [2, 3, 0]

    def test_ties_at_the_cut_are_held_out(self):
        log = [(0, 0, 1), (0, 1, 1), (0, 2, 2), (0, 3, 2), (0, 4, 2), (0, 5, 2), (1, 2, 1)]
        made = Temporal(held_out=0.2, known_items=False)(dataset(log, 2, 6))
        assert made.cut == 2
        assert made.truth.items.tolist() == [2, 3, 4, 5]

    def test_validation_is_cut_once_more(self):
        made = split(sized([20] * 20), "temporal")
        assert made.validation.cut < made.cut
        assert made.validation.truth.times.max() < made.cut

    def test_one_moment_or_none(self):
        with pytest.raises(DataError, match="100% of the events share it"):
            split(dataset([(0, 0, 5), (0, 1, 5)], 1, 2), "temporal")
        with pytest.raises(DataError, match="needs times and this dataset has none"):
            split(dataset([(0, 0, 0), (0, 1, 0)], 1, 2), "temporal")

    def test_everybody_is_cold(self):
        log = [(0, 0, 1), (1, 1, 2), (2, 2, 3), (3, 0, 4)]
        with pytest.raises(DataError, match="nobody is left to ask; dropped 1 users without a"):
            split(dataset(log, 4, 3), "temporal")
        made = Temporal(newcomers=True)(dataset(log, 4, 3))
        assert made.queries.user.tolist() == [PAD]


class TestOthers:
    def test_leave_one_out_is_the_last(self):
        log = [(0, 0, 9), (0, 1, 2), (1, 0, 5), (2, 2, 7), (2, 0, 7), (2, 1, 1)]
        made = split(dataset(log, 3, 3), "leave_one_out")
        assert made.users.to_list() == ["u3", "u17"]
        assert made.truth.items.tolist() == [0, 0]  # of equal times the last given
        assert made.queries.now.tolist() == [9, 7]
        assert made.dropped == {"users with nothing held out": 1}
        assert ("u10", 0, 5) in events(made.train)

    def test_last_n(self):
        data = sized([1, 2, 3, 4, 9])
        made = LastN(n=3)(data)
        assert made.truth.lengths.tolist() == [3, 3]
        assert made.queries.history.lengths.tolist() == [1, 6]
        for row in range(2):
            first = made.truth.times[made.truth.start[row]]
            assert (made.queries.history[row : row + 1].times < first).all()
            assert made.queries.now[row] == first

    @pytest.mark.parametrize(("share", "known"), [(0.2, [1, 2, 4, 8]), (0.7, [1, 1, 2, 3])])
    def test_random_per_user(self, share, known):
        data = sized([1, 2, 5, 10])
        made = RandomPerUser(held_out=share)(data)
        assert made.train.log.lengths.tolist() == known
        asked = [n for n, h in zip(known, [1, 2, 5, 10], strict=True) if n < h]
        assert made.queries.history.lengths.tolist() == asked

    def test_every_event_is_held_out_equally_often(self):
        data = sized([4])
        held = np.zeros(4)
        for seed in range(400):
            truth = RandomPerUser(held_out=0.25, seed=seed)(data).truth
            held[np.isin(data.log.items, truth.items)] += 1
        assert held.sum() == 400
        assert (abs(held - 100) < 4 * np.sqrt(400 * 0.25 * 0.75)).all()

    def test_user_folds_ask_everybody_once(self):
        data = sized([10] * 23)
        folds = splits(data, UserFolds(folds=4), n=4)
        asked = [user for each in folds for user in each.users]
        assert sorted(asked) == sorted(data.users.values)
        assert [len(each) for each in folds] == [6, 6, 6, 5]
        with pytest.raises(BadParameter, match="4 folds make 4 splits"):
            splits(data, UserFolds(folds=4), n=5)

    @pytest.mark.parametrize("pool", ["cold", "all"])
    def test_cold_items(self, pool):
        data = sized([8] * 40, n_items=50)
        made = ColdItems(share=0.2, pool=pool)(data)
        cold = set(made.truth.items)
        assert len(cold) == 10
        assert not cold & set(made.train.log.items)
        assert len(made.truth.items) == np.isin(data.log.items, list(cold)).sum()
        if pool == "cold":
            assert set(np.flatnonzero(made.queries.pool)) == cold
        else:
            assert made.queries.pool is None

    def test_the_default(self):
        assert default_protocol(blocks()) == Temporal()
        assert default_protocol(dataset([(0, 0, 0)], 1, 1), seed=3) == RandomPerUser(seed=3)
        assert split(blocks()).name == "temporal"

    @pytest.mark.parametrize("by", ALL, ids=names)
    def test_the_same_seed_is_the_same_split(self, by):
        same(by(blocks()), by(blocks()))

    @pytest.mark.parametrize("name", ["temporal", "leave_one_out", "last_n"])
    def test_several_of_what_has_no_seed(self, name):
        with pytest.raises(BadParameter, match="the same split every time"):
            splits(blocks(), name, n=2)
        assert len(splits(blocks(), name, seed=7)) == 1

    def test_splits_is_a_sequence(self):
        made = splits(blocks(), "random_per_user", n=3, seed=1)
        assert [each.seed for each in made] == [1, 2, 3] == [each.seed for each in made]
        assert made[-1].seed == 3
        assert [each.seed for each in made[1:]] == [2, 3]

    def test_one_user_and_one_item(self):
        with pytest.raises(DataError, match="nobody is left to ask"):
            split(dataset([(0, 0, 1)], 1, 1), "leave_one_out")
        made = split(dataset([(0, 0, 1), (0, 1, 2)], 1, 2), "leave_one_out")
        assert (len(made), made.truth.items.tolist()) == (1, [1])


class TestImpressions:
    """What was shown is data too, and may show what is held out."""

    data = dataset([(0, 0, 1), (0, 1, 2), (0, 2, 6), (1, 2, 3), (1, 0, 7)], 2, 4)

    def shown(self, users, items, times, past=()):
        users = np.array(users, np.int32)
        rows, seen = zip(*past, strict=True) if past else ((), ())
        history = Histories.of(
            np.array(rows, int), np.array(seen, int), n_rows=len(users), n_items=4
        )
        items = np.array(items, np.int32)
        slate = Slate(items, np.zeros(items.shape, np.float32))
        asked = Queries(history, users, np.array(times))
        clicks = np.arange(items.size, dtype=np.float32).reshape(items.shape)
        return replace(self.data, impressions=Impressions(asked, slate, clicks))

    def test_before_the_cut_and_not_of_what_is_held_out(self):
        data = self.shown(
            users=[0, 1, 0, PAD, PAD, 0],
            items=[[0, 1], [3, 1], [2, PAD], [2, 3], [0, 1], [1, 3]],
            times=[1, 2, 3, 3, 9, 9],
        )
        made = Temporal(held_out=0.4)(data)
        assert made.cut == 6
        kept = made.train.impressions
        assert kept.slate.items.tolist() == [[0, 1], [3, 1], [2, 3]]
        assert kept.clicks.tolist() == [[0, 1], [2, 3], [6, 7]]
        assert kept.queries.user.tolist() == [0, 1, PAD]

    def test_without_a_cut_only_of_training_users(self):
        data = self.shown(
            users=[0, 1, PAD, 1, 1],
            items=[[3, PAD], [3, PAD], [3, PAD], [0, PAD], [3, PAD]],
            times=[1, 1, 1, 1, 1],
            past=[(4, 0)],
        )
        roles = np.array([0, PAST, TRUTH, TRAIN | PAST, TRUTH], np.uint8)
        kept = assemble(data, roles).train.impressions
        assert kept.queries.user.tolist() == [0]
        assert kept.clicks.tolist() == [[2, 3]]


class TestStored:
    def test_another_dataset_is_refused(self, tmp_path):
        folder = save(split(blocks(), "random_per_user"), tmp_path / "split")
        with pytest.raises(DataError, match="made of other data"):
            load(folder, blocks(seed=1))

    def test_the_folder_of_something_else_is_not_replaced(self, tmp_path):
        (tmp_path / "papers").mkdir()
        (tmp_path / "papers" / "thesis.txt").write_text("years of work")
        with pytest.raises(DataError, match="something else than a split: choose another name"):
            save(split(blocks(), "random_per_user"), tmp_path / "papers")
        assert (tmp_path / "papers" / "thesis.txt").read_text() == "years of work"

    def test_damage_is_told(self, tmp_path):
        folder = save(split(blocks(), "strong_generalization"), tmp_path / "split")
        for name in ("split.json", "split.safetensors"):
            whole = (folder / name).read_bytes()
            (folder / name).write_bytes(whole[: len(whole) // 2])
            with pytest.raises(BadArtifact, match="damaged or foreign"):
                load(folder, blocks())
            (folder / name).write_bytes(whole)
        about = json.loads((folder / "split.json").read_text())
        (folder / "split.json").write_text(json.dumps(about | {"format": 99}))
        with pytest.raises(BadArtifact, match="format 99"):
            load(folder, blocks())
        about["split"]["protocol"]["protocol"] = "nonsense"
        (folder / "split.json").write_text(json.dumps(about))
        with pytest.raises(BadArtifact, match="nonsense"):
            load(folder, blocks())
        with pytest.raises(BadArtifact, match="not a saved split"):
            load(tmp_path, blocks())

    def test_by_hand_it_cannot_be(self, tmp_path):
        made = split(blocks(), "random_per_user")
        hand = Split(train=made.train, queries=made.queries, truth=made.truth, users=made.users)
        with pytest.raises(DataError, match="by hand"):
            save(hand, tmp_path / "split")
        with pytest.raises(DataError, match="by hand"):
            hand.validation  # noqa: B018
        assert len(replace(hand, inner=made).validation) == len(made)


class TestByName:
    @pytest.mark.parametrize("by", ALL, ids=names)
    def test_a_tree_and_back(self, by):
        assert protocol(json.loads(json.dumps(describe(by)))) == by
        assert PROTOCOLS[by.name] is type(by)

    def test_names_are_forgiving_and_seeds_come_on_top(self):
        assert protocol("Random-Per-User", seed=4) == RandomPerUser(seed=4)
        assert protocol("temporal", seed=4) == Temporal()
        assert asdict(protocol({"protocol": "last_n", "n": 2})) == {"n": 2}

    @pytest.mark.parametrize(
        ("tree", "error", "said"),
        [
            ("temporl", UnknownName, "did you mean 'temporal'"),
            ({"n": 3}, BadParameter, "no key 'protocol'"),
            ({"protocol": "last_n", "m": 3}, UnknownName, "'m'"),
            ({"protocol": "last_n", "n": "3"}, BadParameter, "n must be int"),
            ({"protocol": "last_n", "n": True}, BadParameter, "n must be int"),
            ({"protocol": "last_n", "n": 0}, BadParameter, "at least 1"),
            ({"protocol": "temporal", "held_out": 1.0}, BadParameter, "between 0 and 1"),
            ({"protocol": "cold_items", "pool": "warm"}, BadParameter, "pool must be"),
            ({"protocol": "user_folds", "fold": 5}, BadParameter, "0 to 4"),
            (
                {"protocol": "strong_generalization", "train": 0.9, "validation": 0.1},
                BadParameter,
                "below 1",
            ),
            ({"protocol": "random_per_user", "seed": -1}, BadParameter, "at least 0"),
        ],
    )
    def test_mistakes(self, tree, error, said):
        with pytest.raises(error, match=said):
            protocol(tree)

    def test_too_few_splits(self):
        with pytest.raises(BadParameter, match="at least 1"):
            splits(blocks(), "random_per_user", n=0)
