"""What a user types becomes a job, or a sentence that says what would."""

import json
from pathlib import Path

import pytest

from controller.job_file import InputError, job_from_file, job_from_flags, parse_variant


class TestVariant:
    def test_options_are_read_as_json(self):
        """Numbers and truths become such, everything else stays text."""
        options = parse_variant("a_method:patch_size=4,exact=true,rate=0.5,mode=fast")["methods"][0]["options"]
        assert {"patch_size": 4, "exact": True, "rate": 0.5, "mode": "fast"} == options

    def test_named(self):
        """A name before the method names the variant."""
        expected = {"name": "p4", "methods": [{"name": "gradient_filter", "options": {"patch_size": 4}}]}
        assert expected == parse_variant("p4=gradient_filter:patch_size=4")

    def test_unnamed_variants_of_one_method_differ(self):
        """Without a name the options make one, so that two variants of a method can stand in one job."""
        names = [parse_variant(f"gradient_filter:patch_size={size},last=4")["name"] for size in (2, 4)]
        assert ["gradient_filter_patch_size_2_last_4", "gradient_filter_patch_size_4_last_4"] == names

    def test_several_methods(self):
        """Methods joined by + are applied in their order."""
        methods = parse_variant("both=first:a=1+second")["methods"]
        assert [{"name": "first", "options": {"a": 1}}, {"name": "second", "options": {}}] == methods

    @pytest.mark.parametrize(
        ("typed", "options"),
        [
            ('layers=["a","b"],last=1', {"layers": ["a", "b"], "last": 1}),
            (
                'patch_sizes={"layer4.*":4,"conv1":1},patch_size=2',
                {"patch_sizes": {"layer4.*": 4, "conv1": 1}, "patch_size": 2},
            ),
            ('a=[[1,2],{"b":[3,4]}],c=d', {"a": [[1, 2], {"b": [3, 4]}], "c": "d"}),
            ('a="x,y+z]",b="\\"{,",c=1', {"a": "x,y+z]", "b": '"{,', "c": 1}),
        ],
        ids=["list", "object", "nested", "text"],
    )
    def test_lists_and_objects(self, typed, options):
        """A comma or a plus inside brackets, braces or quotation marks belongs to the value."""
        methods = parse_variant(f"first:{typed}+second")["methods"]
        assert [{"name": "first", "options": options}, {"name": "second", "options": {}}] == methods

    @pytest.mark.parametrize("value", ["[a,b]", '["a"', "{a:1}", '{"a":1', "[" * 100_000])
    def test_lists_that_lost_their_quotation_marks(self, value):
        """What begins like a list or an object and is none is not sent as text: the shell took its marks."""
        with pytest.raises(InputError, match=r"layers must be JSON, .* whole --method stands in single ones"):
            parse_variant(f"gradient_filter:layers={value}")

    def test_name_too_long_to_be_made(self):
        """Options that would make a variant's name too long need a name of the user's."""
        typed = f"gradient_filter:layers={json.dumps([f'layer{i}' for i in range(20)])}"
        with pytest.raises(InputError, match="needs a short name before it: NAME=gradient_filter"):
            parse_variant(typed)
        assert "short" == parse_variant(f"short={typed}")["name"]

    @pytest.mark.parametrize("text", ["", "name=", ":a=1", "m:a", "m:a=", "m:=1", "m+", "m+:a=1"])
    def test_refused(self, text):
        """What is no variant is refused with the form and an example."""
        with pytest.raises(InputError, match="for example gradient_filter:patch_size=4"):
            parse_variant(text)


class TestFile:
    def test_flags_replace_fields(self, tmp_path):
        """A flag beside a file replaces the file's field and leaves the others."""
        path = tmp_path / "job.json"
        path.write_text(json.dumps({"repetitions": 8, "note": "kept"}))
        assert {"repetitions": 2, "note": "kept"} == job_from_file(path, {"repetitions": 2})

    @pytest.mark.parametrize(
        ("text", "reason"),
        [("{", "not JSON"), ("[]", "one JSON object"), ("\xff", "cannot read"), ("[" * 100_000, "not JSON")],
    )
    def test_refused(self, tmp_path, text, reason):
        """A file that holds no job is refused with its name and the reason."""
        path = tmp_path / "job.json"
        path.write_bytes(text.encode("latin-1"))
        with pytest.raises(InputError, match=f"(?s){reason}") as caught:
            job_from_file(path, {})
        assert str(path) in str(caught.value)

    def test_missing(self):
        """A file that is not there is refused with the system's reason."""
        with pytest.raises(InputError, match="No such file"):
            job_from_file(Path("nowhere.json"), {})


def test_flags_put_the_baseline_first():
    """A job from flags compares the baseline with one variant per --method."""
    job = job_from_flags({"model": "resnet18"}, ["p2=gradient_filter:patch_size=2"], {"device": {"name": "nano-1"}})
    assert {"kind": "training", "model": "resnet18"} == job["workload"]
    assert ["baseline", "p2"] == [variant["name"] for variant in job["variants"]]
