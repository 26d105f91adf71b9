"""Every suite that is there is one: its jobs fit the schema, and its published figures belong to its jobs."""

import json

import pytest

from controller.analysis.metrics import METRICS
from controller.suites import SuiteError, load_suite, read_suite, suite_names
from gradfilter.bench.schema import ConvLayerWorkload, DeviceSelector, TrainingWorkload

NAMES = suite_names()
JOB = {
    "workload": {"kind": "training", "model": "tiny_cnn"},
    "variants": [{"name": "baseline", "methods": []}],
}


def suite_document(**changes):
    return {"name": "mine", "title": "t", "source": "", "about": "", "jobs": [{"name": "a", "job": JOB}], **changes}


def test_the_published_experiments_are_there():
    """The paper's three experiments, every method side by side, and a quick check."""
    published = {"paper-classification", "paper-latency", "paper-segmentation"}
    assert published | {"accuracy", "all-methods", "phase-energy", "smoke"} == set(NAMES)


@pytest.mark.parametrize("name", NAMES)
class TestEverySuite:
    def test_every_job_fits_the_schema(self, name):
        """A job names the board that it is given, and lists the baseline first."""
        board = DeviceSelector(name="nano-1")
        specs = [job.for_board(board) for job in load_suite(name).jobs]
        assert [board] * len(specs) == [spec.device for spec in specs]
        assert {"baseline"} == {spec.variants[0].name for spec in specs}
        assert {True} == {not spec.variants[0].methods for spec in specs}

    def test_every_published_figure_belongs_to_its_job(self, name):
        """Its metric is one that is measured, and its part one of the job's shapes."""
        for job in load_suite(name).jobs:
            workload = job.spec.workload
            layers = isinstance(workload, ConvLayerWorkload)
            parts = {shape.label for shape in workload.shapes} if layers else {""}
            assert set() == {figure.part for figure in job.spec.published} - parts
            assert set() == {figure.metric for figure in job.spec.published} - METRICS.keys()

    def test_a_layers_suite_has_a_whole_step(self, name):
        """No suite times single convolutions alone: a network's training stands beside them."""
        kinds = {type(job.spec.workload) for job in load_suite(name).jobs}
        assert ConvLayerWorkload not in kinds or TrainingWorkload in kinds


class TestPublishedFigures:
    def test_the_latency_figures_are_those_of_the_paper(self):
        """Seven shapes, ten series; the Nano's own numbers are exact, what was read off a chart is marked."""
        figures = [figure for job in load_suite("paper-latency").jobs for figure in job.spec.published]
        exact = [figure for figure in figures if not figure.approximate]
        assert (70, [86.0, 76.9, 114.1, 72.9, 77.8, 66.7, 57.3]) == (len(figures), [one.value for one in exact])
        assert {("patch4", "Jetson Nano CPU (Cortex-A57), MKLDNN 2.6")} == {(f.variant, f.measured_on) for f in exact}
        assert {("backward", "baseline")} == {(figure.metric, figure.against) for figure in figures}

    def test_the_accuracies_are_those_of_table_11(self):
        """ResNet-18 on CIFAR-10 by trained layers, plain and with three patch sizes."""
        jobs = {job.name: job.spec for job in load_suite("paper-classification").jobs}
        found = [
            [f.value for f in jobs[f"resnet18-last-{k}"].published if f.metric == "test_accuracy"] for k in (1, 2, 3, 4)
        ]
        assert [
            [0.917, 0.915, 0.914, 0.915],
            [0.936, 0.927, 0.927, 0.915],
            [0.937, 0.928, 0.928, 0.917],
            [0.944, 0.939, 0.933, 0.926],
        ] == found

    def test_bytes_say_what_they_count(self):
        """The memory of Table 2 is of one image and of the convolutions alone, and its source says so."""
        jobs = load_suite("paper-classification").jobs
        saved = [f for job in jobs for f in job.spec.published if f.metric == "saved_activation_bytes"]
        assert [200704, 65536, 501760, 114688, 250880, 81920, 470400, 153600] == [figure.value for figure in saved]
        assert all("of one image" in f.source and "trained convolutions only" in f.source for f in saved)

    def test_a_doubtful_figure_says_why(self):
        """The printed FCN figure, which the authors' own history contradicts, carries that in its source."""
        (job,) = load_suite("paper-segmentation").chosen(["fcn_resnet18-last-10"])
        (miou,) = [f for f in job.spec.published if (f.variant, f.metric) == ("patch4", "test_miou")]
        assert (0.363, True) == (miou.value, "37.20 mIoU" in miou.source)


class TestRefusals:
    def test_an_unknown_suite_names_those_that_there_are(self):
        """A name with a slash is no way out of the folder either."""
        for name in ("smok", "../suites/smoke"):
            with pytest.raises(SuiteError, match=r"there are .*paper-latency.*smoke"):
                load_suite(name)

    def test_an_unknown_job_names_those_that_there_are(self):
        """Jobs are chosen by name, in the order of the suite."""
        smoke = load_suite("smoke")
        assert ["layer", "segmentation"] == [job.name for job in smoke.chosen(["segmentation", "layer"])]
        with pytest.raises(SuiteError, match="has no job 'x'; it has classification, layer"):
            smoke.chosen(["layer", "x"])

    @pytest.mark.parametrize(
        ("document", "words"),
        [
            ("{", "mine.json holds no suite"),
            (suite_document(name="other"), "its name must be 'mine', got 'other'"),
            (suite_document(jobs=[]), "jobs must have 1 to"),
            (suite_document(jobs=[{"name": "a", "job": JOB}] * 2), "jobs.name must be distinct"),
            (suite_document(jobs=[{"name": "a", "job": {**JOB, "repetitions": 0}}]), "repetitions must be at least 1"),
            (suite_document(jobs=[{"name": "a", "job": JOB, "scale_batch": True}]), "needs a conv_layer workload"),
            (suite_document(extra=1), "extra"),
        ],
    )
    def test_a_file_that_is_no_suite_says_why(self, tmp_path, document, words):
        """What the schema refuses in a job is told with the file's name."""
        path = tmp_path / "mine.json"
        path.write_text(document if isinstance(document, str) else json.dumps(document))
        with pytest.raises(SuiteError, match=words):
            read_suite(path)

    def test_every_published_method_has_its_headline(self):
        """Whoever published a method reports something for it; that memory, time or energy is up to so much is said."""
        training, signs, _ = load_suite("all-methods").jobs
        figures = [*training.spec.published, *signs.spec.published]
        published = {"gradient_filter", "comet", "low_rank", "virtual_pooling", "da3", "e2train"}
        methods = {v.name: {m.name for m in v.methods} for job in (training, signs) for v in job.spec.variants}
        assert published == set().union(*(methods[figure.variant] - {"lean"} for figure in figures))
        assert all(figure.measured_on and figure.against == "baseline" for figure in figures)

    def test_report_says_whose_the_inside_of_an_adaptor_is(self):
        """DA3's text was not at hand: the job's note, which its pages print, names our specification."""
        assert "reference-spec-1" in load_suite("all-methods").jobs[0].spec.note

    def test_conflicting_abstracts_both_stand(self):
        """DA3's memory is 5 or 19 to 37 times less, E2-Train's accuracy on CIFAR-100 falls by 2 points or not."""
        training, signs, _ = load_suite("all-methods").jobs
        assert [0.2, 0.053, 0.027] == [f.value for f in training.spec.published if f.metric == "peak_rss_bytes"]
        of_cifar_100 = [f for f in signs.spec.published if "CIFAR-100" in f.measured_on]
        assert [0.0, -0.02] == [f.value for f in of_cifar_100 if f.metric == "test_accuracy"]
