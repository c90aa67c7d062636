"""Against the papers' formulas, integrals written out, and how often the answer is wrong when
somebody looks after every person."""

import numpy as np
import pytest
from scipy import integrate, optimize, stats

from headwater.errors import BadParameter, DataError
from headwater.evaluation import boundary, cuped, looks, quantile_interval, sample_ratio

ALPHA = 0.05


def drawn(seed, n, effect=0.0, kind="normal", share=0.5):
    rng = np.random.default_rng(seed)
    arms = (rng.random(n) < share).astype(int)
    y = {
        "normal": lambda: rng.normal(size=n),
        "rare": lambda: (rng.random(n) < 0.01 + effect * arms).astype(float) - effect * arms,
        "skewed": lambda: rng.exponential(1, n) ** 2 * (rng.random(n) < 0.3),
    }[kind]()
    return y + effect * arms, arms


def parts(y, arms, ends=()):
    """The difference and its variance, by the definition, with one more value at each end in each
    arm where that is more."""
    a, b = y[arms == 0], y[arms == 1]
    v = [max(x.var(ddof=1), np.append(x, ends).var(ddof=1)) / len(x) for x in (a, b)]
    return b.mean() - a.mean(), sum(v)


def known(y, arms):
    return parts(y, arms, (y.min(), y.max()))


class TestDefinition:
    def test_is_the_mixture_of_johari_and_others(self):
        """tau^2 = rho^2 n V_n: their equation with the variance of the difference."""
        y, arms = drawn(0, 700, 0.15, share=0.3)
        found = looks(y, arms, planned=1000)
        x1 = optimize.brentq(lambda x: x - np.log1p(x) + 2 * np.log(ALPHA), 1, 100)
        ratios = []
        for n in found.n:
            d, v = known(y[:n], arms[:n])
            tau2 = x1 / 1000 * n * v
            ratios.append(np.sqrt(v / (v + tau2)) * np.exp(tau2 * d**2 / (2 * v * (v + tau2))))
        np.testing.assert_allclose(found.p, 1 / np.maximum.accumulate(np.maximum(ratios, 1)))
        assert found.last.p < 0.9
        assert found.last.mean == pytest.approx(d)
        assert found.last.n == ((arms == 0).sum(), (arms == 1).sum())

    def test_is_the_sequence_of_waudby_smith_and_others(self):
        """Of one mean: mean +- sd sqrt(2 (t rho^2 + 1) / (t^2 rho^2) log(sqrt(t rho^2 + 1) / a))"""
        rho2 = optimize.brentq(lambda x: x - np.log1p(x) + 2 * np.log(ALPHA), 1, 100) / 5000
        t = np.array([100.0, 1000, 5000, 40_000])
        theirs = np.sqrt(2 * (t * rho2 + 1) / (t**2 * rho2) * np.log(np.sqrt(t * rho2 + 1) / ALPHA))
        np.testing.assert_allclose(boundary(t, 5000) / np.sqrt(t), theirs)

    def test_ratio_by_integration(self):
        y, arms = drawn(1, 400, 0.5)
        d, v = known(y, arms)
        x = optimize.brentq(lambda x: x - np.log1p(x) + 2 * np.log(ALPHA), 1, 100)
        sd = np.sqrt(v)

        def likely(effect):
            return stats.norm.pdf(d, effect, sd) * stats.norm.pdf(effect, 0, np.sqrt(x) * sd)

        mixed = integrate.quad(likely, -20 * sd, 20 * sd, epsabs=0, epsrel=1e-10)[0]
        ratio = mixed / stats.norm.pdf(d, 0, sd)
        found = looks(y, arms, planned=400, at_least=int(min((arms == 0).sum(), arms.sum())))
        assert ratio > 100
        assert found.last.p == pytest.approx(min(found.p[0], 1 / ratio), rel=1e-6)
        assert found.last.p == found.p[-1]

    def test_narrowest_where_planned(self):
        """Of all choices of rho, by the standard errors at that n."""
        best = boundary(800, 800)
        assert best < min(boundary(800, 700), boundary(800, 900))
        assert boundary(800, 800, 0.99) > best

    def test_interval_and_p_agree_at_every_look(self):
        for seed in range(10):
            y, arms = drawn(seed, 3000, 0.1)
            found = looks(y, arms, planned=3000)
            outside = np.maximum.accumulate((found.low > 0) | (found.high < 0))
            np.testing.assert_array_equal(found.p < ALPHA, outside)
            assert (np.diff(found.p) <= 0).all()

    def test_a_look_knows_nothing_of_what_comes_later(self):
        rng = np.random.default_rng(3)
        y, arms = drawn(3, 3000, 0.1)
        z = np.stack([y + rng.normal(size=3000), rng.normal(size=3000)], 1)
        whole = looks(y, arms, planned=3000, covariates=z)
        part = looks(y[:1500], arms[:1500], planned=3000, covariates=z[:1500])
        for name in ("mean", "low", "high", "p"):
            np.testing.assert_allclose(getattr(whole, name)[: len(part.n)], getattr(part, name))

    def test_covariates_are_those_of_cuped(self):
        rng = np.random.default_rng(4)
        y, arms = drawn(4, 700, 0.3)
        z = np.stack([y + rng.normal(size=700) + 50, rng.exponential(size=700)], 1)
        for covariates in (z, z[:, 0]):
            found = looks(y, arms, planned=2000, covariates=covariates)
            low, high = [], []
            for n in found.n:
                adjusted = cuped(y[:n], covariates[:n], arms[:n])
                d, v = parts(adjusted.values, arms[:n])
                more = known(y[:n], arms[:n])[1] - parts(y[:n], arms[:n])[1]
                wide = boundary(n, 2000) * np.sqrt(v + more)
                low.append(d - wide)
                high.append(d + wide)
            np.testing.assert_allclose(found.low, np.maximum.accumulate(low))
            np.testing.assert_allclose(found.high, np.minimum.accumulate(high))
            np.testing.assert_allclose(found.theta, adjusted.theta)
            assert found.last.mean == pytest.approx(d)
            assert found.reduction == pytest.approx(1 - v / parts(y, arms)[1])
            assert found.reduction > 0.4

    @pytest.mark.parametrize("unit", [1e-9, 1e9])
    def test_units_of_covariates_do_not_matter(self, unit):
        rng = np.random.default_rng(4)
        y, arms = drawn(4, 700, 0.3)
        z = np.stack([y + rng.normal(size=700), rng.random(700) < 0.02], 1)
        for covariates in (z, z[:, :1]):
            one = looks(y, arms, planned=700, covariates=covariates)
            scale = [unit, 1.0][: covariates.shape[1]]
            other = looks(y, arms, planned=700, covariates=covariates * scale)
            np.testing.assert_allclose(other.high, one.high)
            np.testing.assert_allclose(other.theta * scale, one.theta)

    def test_large_numbers_lose_no_digits(self):
        y, arms = drawn(5, 1000, 0.2)
        near, far = looks(y, arms, planned=1000), looks(y + 1e7, arms, planned=1000)
        np.testing.assert_allclose(near.p, far.p, rtol=1e-5)

    def test_what_moved_is_said_of_the_present(self):
        y, arms = drawn(6, 20_000)
        y[:4000] += arms[:4000]
        y[4000:] -= arms[4000:]
        found = looks(y, arms, planned=4000)
        assert (found.low <= found.high).all()
        assert found.last.p < 0.001
        assert found.last.high < 0


class TestLittle:
    def test_nothing_is_said_of_few(self):
        y, arms = drawn(0, 150, 9)
        few = looks(y, arms, planned=1000).last
        assert (few.p, few.low, few.high) == (1.0, -np.inf, np.inf)
        assert sum(few.n) == 150
        none = looks(np.zeros(0), np.zeros(0, int), planned=10).last
        assert none.n == (0, 0)
        assert none.p == 1

    def test_what_never_varied_is_not_certain(self):
        zeros, arms = np.zeros(1000), np.arange(1000) % 2
        for same in (zeros, zeros + 0.1):
            found = looks(same, arms, planned=1000).last
            assert (found.low, found.high, found.p) == (-np.inf, np.inf, 1.0)
        shares = looks(zeros, arms, planned=1000, bounds=(0, 1)).last
        assert 0.005 < shares.high < 0.03  # 3 in 500 cannot be ruled out at one look
        assert shares.low == -shares.high

    def test_an_arm_that_never_varied_is_as_uncertain_as_the_other_shows(self):
        """Nobody of the second arm clicks any more: found out, and not at once."""
        arms = np.arange(4000) % 2
        clicks = 3.0 * (np.arange(4000) % 40 == 0)  # 1 in 20 of the first arm has three
        found = looks(clicks, arms, planned=4000)
        some = looks(clicks, arms, planned=4000, bounds=(0, 3))
        assert found.p[0] > ALPHA > found.last.p
        assert (found.last.low, found.last.p) == (some.last.low, some.last.p)

    def test_bounds_do_little_to_what_varies(self):
        y = np.random.default_rng(0).random(4000)
        arms = np.arange(4000) % 2
        plain, within = (looks(y, arms, planned=4000, bounds=b) for b in (None, (0, 1)))
        wide, wider = (each.last.high - each.last.low for each in (plain, within))
        assert 1 < wider / wide < 1.01

    @pytest.mark.parametrize(
        ("given", "said"),
        [
            ({"arms": np.array([0, 2])}, "arms are 0 and 1"),
            ({"values": np.array([0, np.nan])}, "1 of 2 are no numbers"),
            ({"values": np.zeros(3)}, "both"),
            ({"covariates": np.zeros(3)}, "a row for each value"),
            ({"covariates": np.array([0, np.inf])}, "some are no numbers"),
        ],
    )
    def test_wrong_columns(self, given, said):
        plain = {"values": np.zeros(2), "arms": np.array([0, 1]), "planned": 10}
        with pytest.raises(DataError, match=said):
            looks(**(plain | given))

    def test_wrong_parameters(self):
        y, arms = drawn(0, 300)
        for wrong in ({"planned": 0}, {"level": 1.0}, {"at_least": 1}):
            with pytest.raises(BadParameter, match=next(iter(wrong))):
                looks(y, arms, **({"planned": 10} | wrong))


class TestPeeking:
    """400 experiments without an effect, looked at after every one of 20,000 people."""

    RUNS, N = 400, 20_000

    @pytest.mark.parametrize("kind", ["normal", "rare", "skewed"])
    def test_false_alarms_and_coverage(self, kind):
        alarms = missed = 0
        for seed in range(self.RUNS):
            y, arms = drawn(seed, self.N, 0.3, kind, share=0.3 if kind == "skewed" else 0.5)
            known = looks(y, arms, planned=self.N)
            missed += ((known.low > 0.3) | (known.high < 0.3)).any()
            alarms += looks(y - 0.3 * arms, arms, planned=self.N).last.p < ALPHA
        assert alarms <= ALPHA * self.RUNS
        assert missed <= ALPHA * self.RUNS

    def test_a_small_arm_that_has_seen_little(self):
        """Most people have nothing: without more than what a small arm has seen, 1 in 7 alarms."""
        alarms = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            arms = (rng.random(self.N) < 0.1).astype(int)
            minutes = rng.exponential(size=self.N) * (rng.random(self.N) < 0.05)
            alarms += looks(minutes, arms, planned=5000).last.p < ALPHA
        assert alarms <= ALPHA * 200

    def test_a_t_test_does_not_stand_it(self):
        """Looked at after every 50: what the test above would find."""
        alarms = once = 0
        for seed in range(self.RUNS):
            y, arms = drawn(seed, self.N)
            n1, n = np.cumsum(arms), np.arange(1, self.N + 1)
            s1, s = np.cumsum(y * arms), np.cumsum(y)
            at = np.arange(199, self.N, 50)
            n1, n, s1, s = n1[at], n[at], s1[at], s[at]
            d = s1 / n1 - (s - s1) / (n - n1)
            z = d / np.sqrt(y.var() * (1 / n1 + 1 / (n - n1)))
            alarms += (np.abs(z) > 1.96).any()
            once += abs(z[-1]) > 1.96
        assert alarms > 0.25 * self.RUNS
        assert once < 0.09 * self.RUNS

    def test_false_alarms_with_covariates(self):
        alarms = 0
        for seed in range(200):
            rng = np.random.default_rng(seed)
            y, arms = drawn(seed, 5000)
            z = 0.8 * y + 0.6 * rng.normal(size=5000)
            alarms += looks(y, arms, planned=5000, covariates=z).last.p < ALPHA
        assert alarms <= ALPHA * 200

    def test_power(self):
        """An effect that a t test of 4,000 finds in 9 of 10 is found less often by then; one twice
        as large in half of the time."""
        effect = 3.24 * np.sqrt(4 / 4000)
        found = fixed = 0
        early = []
        for seed in range(200):
            y, arms = drawn(seed, 4000, effect)
            found += looks(y, arms, planned=4000).last.p < ALPHA
            fixed += stats.ttest_ind(y[arms == 1], y[arms == 0]).pvalue < ALPHA
            y += effect * arms
            big = looks(y, arms, planned=4000)
            early.append(big.n[np.argmax(big.p < ALPHA)] if big.last.p < ALPHA else 4000)
        assert fixed > 0.85 * 200
        assert 0.55 * 200 < found < fixed
        assert np.mean(early) < 2000


class TestCuped:
    def test_is_least_squares_with_a_column_for_each_arm(self):
        rng = np.random.default_rng(0)
        z, arms = rng.normal(size=(500, 3)), rng.integers(3, size=500)
        y = z @ [1, -2, 0] + 5 * arms + rng.normal(size=500)
        whole = np.column_stack([np.eye(3)[arms], z])
        wanted = np.linalg.lstsq(whole, y, rcond=None)[0][3:]
        found = cuped(y, z, arms)
        np.testing.assert_allclose(found.theta, wanted)
        np.testing.assert_allclose(found.values, y - (z - z.mean(0)) @ wanted)
        assert found.values.mean() == pytest.approx(y.mean())

    def test_one_covariate_is_cov_over_var(self):
        rng = np.random.default_rng(1)
        z = rng.normal(3, 2, 800)
        y = z + rng.normal(size=800)
        c = np.cov(y, z)
        assert cuped(y, z).theta[0] == pytest.approx(c[0, 1] / c[1, 1])
        rho2 = np.corrcoef(y, z)[0, 1] ** 2
        assert cuped(y, z).reduction == pytest.approx(rho2)

    def test_unbiased_with_1_minus_rho2_of_the_variance(self):
        plain, adjusted = [], []
        for seed in range(600):
            rng = np.random.default_rng(seed)
            arms = rng.permutation(400) % 2
            z = rng.normal(size=400)
            y = 0.8 * z + 0.6 * rng.normal(size=400) + 0.25 * arms
            better = cuped(y, z, arms).values
            plain.append(parts(y, arms)[0])
            adjusted.append(parts(better, arms)[0])
        error = np.std(adjusted) / np.sqrt(600)
        assert np.mean(adjusted) == pytest.approx(0.25, abs=3 * error)
        assert np.var(adjusted) / np.var(plain) == pytest.approx(1 - 0.64, abs=0.08)

    def test_covariates_that_say_nothing_do_no_harm(self):
        rng = np.random.default_rng(2)
        y, z = rng.normal(size=300), rng.normal(size=300)
        twice = np.column_stack([z, z, np.full(300, 7.0)])
        np.testing.assert_allclose(cuped(y, twice).values, cuped(y, z).values, atol=1e-9)
        arms = np.arange(300) % 2
        doubled = looks(y, arms, planned=300, covariates=twice).last
        assert doubled.mean == pytest.approx(looks(y, arms, planned=300, covariates=z).last.mean)
        assert cuped(np.ones(9), np.arange(9.0)).reduction == 0

    def test_one_arm_for_each(self):
        with pytest.raises(DataError, match="one for each person"):
            cuped(np.zeros(3), np.zeros(3), np.zeros(2))


class TestQuantile:
    def test_is_held_at_every_look(self):
        missed = 0
        for seed in range(200):
            x = np.random.default_rng(seed).exponential(50, 5000)
            true = -50 * np.log(0.05)
            for n in range(100, 5001, 100):
                _, low, high = quantile_interval(x[:n], np.arange(n), 0.95, planned=5000)
                if not low <= true <= high:
                    missed += 1
                    break
        assert missed <= 0.05 * 200

    def test_people_not_answers_are_independent(self):
        rng = np.random.default_rng(0)
        slow = rng.exponential(50, 400)
        alone = quantile_interval(slow, np.arange(400), 0.9, planned=400)
        often = quantile_interval(
            np.repeat(slow, 50), np.repeat(np.arange(400), 50), 0.9, planned=400
        )
        assert often == pytest.approx(alone)
        far = quantile_interval(np.repeat(slow, 50), np.arange(20_000), 0.9, planned=400)
        assert far[2] - far[1] < (alone[2] - alone[1]) / 3

    def test_is_the_sequence_of_a_share(self):
        """Of each person, by how many more than q of their answers are below: a mean of people."""
        rng = np.random.default_rng(1)
        who = rng.integers(300, size=2000)
        x = rng.exponential(1 + who % 7)
        found, low, high = quantile_interval(x, who, 0.9, planned=900, level=0.9)
        ordered = np.sort(x)
        assert found == ordered[1799]
        off = np.array([((x[who == w] <= found) - 0.9).sum() for w in np.unique(who)])
        wide = boundary(len(off), 900, 0.9) * np.sqrt(len(off) * off.var(ddof=1)) / 2000
        assert low == ordered[int(np.ceil((0.9 - wide) * 2000)) - 1]
        assert high == ordered[int((0.9 + wide) * 2000)]

    def test_people_who_are_all_alike_do_not_make_it_certain(self):
        x = np.tile(np.arange(20.0), 200) + np.linspace(0, 0.5, 4000)
        _, *ends = quantile_interval(x, np.repeat(np.arange(200), 20), 0.5, planned=200)
        wide = boundary(200, 200) * np.sqrt(0.25 / 4000) * 4000
        x.sort()
        assert ends == [x[int(np.ceil(2000 - wide)) - 1], x[int(2000 + wide)]]

    def test_little(self):
        x = np.arange(150.0)
        assert quantile_interval(x, x, 0.99, planned=100)[2] == np.inf
        assert quantile_interval(x[:50], x[:50], 0.5, planned=100) == (24, -np.inf, np.inf)
        assert np.isnan(quantile_interval(x[:0], x[:0], 0.5, planned=100)[0])
        with pytest.raises(BadParameter, match="share"):
            quantile_interval(x, x, 95, planned=100)


class TestSampleRatio:
    def test_is_chi_square(self):
        counts, shares = [480, 350, 260], [0.4, 0.4, 0.2]
        total = sum(counts)
        wanted = stats.chisquare(counts, [total * s for s in shares]).pvalue
        assert sample_ratio(counts, shares) == pytest.approx(wanted)
        assert sample_ratio(counts, [4, 4, 2]) == pytest.approx(wanted)
        assert sample_ratio([0, 0], [1, 1]) == 1

    @pytest.mark.parametrize(("x", "more"), [((70, 20), {"concentration": 30}), ((700, 350), {})])
    def test_at_any_time_is_the_mixture(self, x, more):
        c = more.get("concentration", 1000)
        scale = -stats.binom.logpmf(x[0], sum(x), 0.6)  # of what would be too small

        def likely(s):
            told = stats.binom.logpmf(x[0], sum(x), s) + scale
            return stats.beta.pdf(s, c * 0.6, c * 0.4) * np.exp(told)

        ratio = integrate.quad(likely, 0, 1, epsabs=0, epsrel=1e-10, points=[0.6, 0.7])[0]
        assert ratio > 2
        found = sample_ratio(x, [0.6, 0.4], peeked=True, **more)
        assert found == pytest.approx(1 / ratio, rel=1e-8)

    def test_alarms(self):
        fair = lost = once = 0
        for seed in range(200):
            arms = np.cumsum(np.random.default_rng(seed).random(10_000) < 0.5)
            seen = [(int(arms[n - 1]), int(n - arms[n - 1])) for n in range(100, 10_001, 100)]
            fair += min(sample_ratio(each, [1, 1], peeked=True) for each in seen) < ALPHA
            once += min(sample_ratio(each, [1, 1]) for each in seen) < ALPHA
            a, b = seen[-1]
            lost += sample_ratio((a, int(b * 0.9)), [1, 1], peeked=True) < 0.01
        assert fair <= 0.05 * 200
        assert once > 0.2 * 200
        assert lost > 0.9 * 200

    @pytest.mark.parametrize(
        ("counts", "shares"), [([1], [1]), ([1, 2], [1, 0]), ([1, 2], [1, 1, 1]), ([-1, 2], [1, 1])]
    )
    def test_wrong(self, counts, shares):
        with pytest.raises(DataError):
            sample_ratio(counts, shares)
