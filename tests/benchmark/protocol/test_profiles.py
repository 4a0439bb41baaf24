"""Profiles: read strictly, hashed by what counts."""

from pathlib import Path

import instant
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmark.paths import PUBLISHED
from benchmark.protocol.catalogue import profile_names
from benchmark.protocol.profiles import Profile, load_profile
from benchmark.results.store import load_all
from bgad.detectors import resolve
from bgad.errors import InputError


@pytest.fixture
def write(tmp_path):
    def write(text: str, name: str = "mine.yaml") -> str:
        (tmp_path / name).write_text(text, encoding="utf-8")
        return str(tmp_path / name)

    return write


def test_a_file_becomes_a_profile_named_after_it(write):
    path = write("description: Mine.\nmethod: instant\nmodel: {seconds: 1e-3}\n")
    profile = load_profile(path)
    assert (profile.name, profile.description) == ("mine", "Mine.")
    assert profile.parameters == {"seconds": 0.001, "fails": ""}
    assert profile.config.parameters == profile.parameters
    assert profile.config.profile_hash == profile.hash


def test_a_profile_states_what_differs_from_its_base(write):
    base = write("method: instant\nmodel: {seconds: 2, fails: x}\n", "base.yaml")
    profile = load_profile(write(f"base: {base}\nmodel: {{fails: y}}\n"))
    assert (profile.name, profile.method) == ("mine", "instant")
    assert profile.parameters == {"seconds": 2, "fails": "y"}


def test_a_profile_is_evaluated_as_its_base_but_where_it_says_otherwise(write):
    study = "study: mine\nevaluation: {selection: best_on_test, maxima: test}\n"
    base = write(f"base: cpu\n{study}", "base.yaml")
    departures = {"selection": "best_on_test", "maxima": "test"}
    same = load_profile(write(f"base: {base}\nstudy: mine\n"))
    assert same.evaluation.departures == departures
    other = load_profile(write(f"base: {base}\nstudy: mine\nevaluation: {{maxima: training}}\n"))
    assert other.evaluation.departures == {"selection": "best_on_test"}
    with pytest.raises(InputError, match="evaluation departs from the protocol"):
        load_profile(write(f"base: {base}\n"))
    joint, apart = load_profile("paper-lite2-joint"), load_profile("paper-lite2")
    assert joint.evaluation == apart.evaluation
    assert joint.parameters == apart.parameters | {"joint_adam": True}


def test_a_new_version_of_the_method_is_another_profile(monkeypatch):
    profile = Profile("a", "instant")
    before = profile.hash
    monkeypatch.setattr(instant.Instant, "version", instant.Instant.version + 1)
    assert profile.hash != before


def test_a_parameter_newer_than_the_version_counts_where_it_changes_something(monkeypatch):
    def hashes() -> list[str]:
        return [Profile("a", "instant", model).hash for model in ({}, {"fails": "3"})]

    plain, changed = hashes()
    monkeypatch.setattr(instant.Instant, "added", {"fails": ""}, raising=False)
    assert hashes()[0] != plain  # as if there were no such parameter
    assert hashes()[1] == changed
    monkeypatch.setattr(instant.Instant, "get_params", lambda self: {"seconds": 0.0})
    without = Profile("a", "instant").hash
    monkeypatch.undo()
    monkeypatch.setattr(instant.Instant, "added", {"fails": ""}, raising=False)
    assert hashes()[0] == without


def test_a_members_newer_parameter_counts_where_it_changes_something(monkeypatch):
    def hash_with(**flows) -> str:
        return Profile("p", "plus", {"flows": flows}).hash

    plain = hash_with()
    assert plain == hash_with(normal_patches=0) != hash_with(normal_patches=3)
    monkeypatch.setattr(resolve("plus"), "added", {})
    assert hash_with() != plain  # as if the parameter had always been there


def test_a_departure_from_the_protocol_is_part_of_the_hash_and_belongs_to_a_study(write):
    plain = load_profile(write("method: instant\n"))
    same = load_profile(write("method: instant\nevaluation: {test_known: false}\n"))
    leaky = load_profile(write("method: instant\nstudy: s\nevaluation: {test_known: true}\n"))
    assert plain.hash == same.hash != leaky.hash
    assert (plain.config.evaluation, leaky.config.evaluation) == ({}, {"test_known": True})
    with pytest.raises(InputError, match="departs from the protocol"):
        load_profile(write("method: instant\nevaluation: {test_known: true}\n"))


def test_the_hash_changes_with_the_hyper_parameters_alone():
    profile = Profile("a", "instant", {"seconds": 1.0})
    same = [
        Profile("b", "instant", {"seconds": 1.0}, "Other words.", "study", 3.0),
        Profile("a", "instant", {"seconds": 1.0, "fails": ""}),
    ]
    other = [
        Profile("a", "instant", {"seconds": 2.0}),
        Profile("a", "instant", {"seconds": 1.0, "fails": "3"}),
    ]
    assert {p.hash for p in same} == {profile.hash}
    assert len({p.hash for p in [profile, *other]}) == 3


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("base: mine", "can't be its own"),
        ("base: nonsense", "unknown profile 'nonsense'"),
        ("metod: bgad", "unknown key 'metod'"),
        ("name: ../elsewhere", "unknown key 'name'"),
        ("model: [1]", "model can't be"),
        ("evaluation: {selection: first}", "evaluation: selection must be one of last"),
        ("evaluation: {thresholds: test}", "evaluation"),
        ("model: {1: 2}", "1 is no parameter's name"),
        ("- a", "must hold keys and values"),
        ("", "must hold keys and values"),
        ("model: {a: 1, a: 2}", "a is given twice"),
        ("model: {a: !!python/object/apply:os.getcwd []}", "no readable YAML"),
        ("model: {", "no readable YAML"),
        ("? [a]\n: b", "no readable YAML"),
        ("a: 2024-13-45", "no readable YAML"),
    ],
)
def test_broken_files_are_refused_with_file_and_key(write, text, message):
    path = write(text)
    with pytest.raises(InputError) as caught:
        load_profile(path)
    assert path in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("{secnods: 1}", "secnods"),
        ("{seconds: -1}", "must not be negative"),
        ("{seed: 1}", "seed can't be set"),
        ("{seconds: .inf}", "finite"),
        ("{fails: 2024-01-01}", "finite numbers, words"),
    ],
)
def test_wrong_parameters_are_refused_with_the_file(write, model, message):
    path = write(f"method: instant\nmodel: {model}")
    with pytest.raises(InputError) as caught:
        _ = load_profile(path).parameters
    assert path in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize("method", ["nonsense", ""])
def test_unknown_methods_are_refused(method):
    with pytest.raises(InputError, match="unknown method"):
        _ = Profile("a", method).hash


def test_unknown_profiles_are_refused_with_the_known_ones():
    with pytest.raises(InputError, match="unknown profile 'nothing': give one of"):
        load_profile("nothing")
    with pytest.raises(InputError, match="unknown profile"):
        load_profile("nothing.yaml")


@given(st.one_of(st.text(), st.binary().map(lambda b: b.decode("latin1"))))
def test_any_text_is_a_profile_or_refused(tmp_path_factory, text):
    path = tmp_path_factory.getbasetemp() / "fuzz.yaml"
    path.write_text(text, encoding="utf-8", errors="surrogatepass")
    try:
        assert load_profile(str(path)).source == str(path)
    except InputError as error:
        assert str(path) in str(error)


def test_no_two_shipped_profiles_are_the_same():
    hashes = [load_profile(name).hash for name in profile_names()]
    assert len(set(hashes)) == len(hashes)


@pytest.mark.parametrize("name", profile_names())
def test_shipped_profiles_are_usable_and_say_what_they_are(name):
    profile = load_profile(name)
    assert profile.name == name == Path(profile.source).stem
    assert profile.description.endswith(".")
    assert profile.parameters


def test_published_cells_are_those_of_the_profiles_as_they_are():
    published = {(r.cell.profile, r.config.profile_hash) for r in load_all([PUBLISHED])}
    assert published == {(name, load_profile(name).hash) for name, _ in published}


def test_files_are_looked_for_from_the_profile_that_names_them(tmp_path, monkeypatch):
    (tmp_path / "sub").mkdir()
    (tmp_path / "weights.pth").write_bytes(b"a")
    (tmp_path / "mine.yaml").write_text("base: smoke\nmodel: {weights: weights.pth}\n")
    (tmp_path / "sub/child.yaml").write_text("base: ../mine.yaml\nmodel: {cut_paste: 4}\n")
    here = load_profile(str(tmp_path / "sub/child.yaml"))
    monkeypatch.chdir(tmp_path / "sub")
    assert load_profile("child.yaml") == here
    assert Path(here.model["weights"]).samefile(tmp_path / "weights.pth")


def test_weights_count_by_their_content_wherever_they_are(tmp_path):
    hashes = []
    for folder, content in (("a", b"1"), ("b", b"1"), ("c", b"2")):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "w.pth").write_bytes(content)
        path = tmp_path / folder / "mine.yaml"
        path.write_text("base: smoke\nmodel: {weights: w.pth}\n")
        hashes.append(load_profile(str(path)).hash)
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("seconds", ["true", "-3", "0", ".inf", ".nan"])
def test_times_that_are_none_are_refused(tmp_path, seconds):
    path = tmp_path / "mine.yaml"
    path.write_text(f"base: smoke\nseconds_per_cell: {seconds}\n")
    with pytest.raises(InputError, match="seconds_per_cell"):
        load_profile(str(path))


def test_a_circle_of_bases_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("base: b.yaml\n")
    (tmp_path / "b.yaml").write_text("base: a.yaml\n")
    with pytest.raises(InputError, match="can't be its own"):
        load_profile(str(tmp_path / "a.yaml"))
