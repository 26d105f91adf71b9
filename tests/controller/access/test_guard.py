"""Who is let in: by header and by cookie, from here and from elsewhere, from this site and from others."""

import pytest
from fastapi.testclient import TestClient

from controller.settings import Settings
from tests.controller.fake_controller import SPEC
from tests.controller.lab import HERE, local_client
from tests.controller.samples import job_document

PROBLEM = "application/problem+json"


@pytest.fixture
def open_lab(tmp_path):
    """A controller without tokens, asked from its own machine."""
    with local_client(Settings(data_dir=tmp_path), follow_redirects=False) as client:
        client.app.state.services.store.jobs.add(SPEC)
        yield client


@pytest.fixture
def lab(open_lab):
    """A controller with tokens, at any address."""
    tokens = open_lab.app.state.services.store.tokens
    open_lab.tokens = {scope: tokens.create(f"user-{scope}", scope) for scope in ("read", "submit", "admin")}
    open_lab.base_url = "http://lab.example:8100"
    return open_lab


def bearer(lab, scope):
    return {"authorization": f"Bearer {lab.tokens[scope]}"}


def problem(response, status):
    assert (status, PROBLEM) == (response.status_code, response.headers["content-type"]), response.text
    return response.json()["detail"]


def every_route(app):
    """Each operation of the API with a path that fits."""
    for path, operations in app.openapi()["paths"].items():
        for method in operations:
            yield method.upper(), path.replace("{", "").replace("}", "")


def test_without_a_token_no_route_answers(lab):
    """Every operation that the API describes, but the question whether the controller is well, wants a token."""
    closed = {route for route in every_route(lab.app) if lab.request(*route).status_code == 401}
    assert {("GET", "/health")} == set(every_route(lab.app)) - closed
    assert {401} == {lab.get(path).status_code for path in ("/", "/jobs/1", "/docs", "/openapi.json", "/no/such/path")}


def test_the_refusal_says_what_to_do(lab):
    """Who comes without a token is told where one is from, and how to show it."""
    refused = lab.get("/v1/jobs")
    assert "gradfilter tokens create" in problem(refused, 401)
    assert "Bearer" == refused.headers["www-authenticate"]


@pytest.mark.parametrize(
    ("method", "path", "scopes"),
    [
        ("GET", "/v1/jobs", "read submit admin"),
        ("GET", "/metrics", "read submit admin"),
        ("GET", "/", "read submit admin"),
        ("POST", "/v1/jobs", "submit admin"),
        ("POST", "/v1/jobs/1/cancel", "submit admin"),
        ("POST", "/jobs/1/cancel", "submit admin"),
        ("POST", "/jobs/new", "submit admin"),
        ("POST", "/v1/devices", "admin"),
        ("PATCH", "/v1/devices/nano-1", "admin"),
        ("DELETE", "/v1/devices/nano-1", "admin"),
    ],
)
def test_each_scope_opens_its_doors(lab, method, path, scopes):
    """Reading, submitting and changing devices need more and more; a refusal names what is missing."""
    answers = {scope: lab.request(method, path, headers=bearer(lab, scope)) for scope in lab.tokens}
    assert scopes.split() == [scope for scope, answer in answers.items() if answer.status_code != 403]
    for scope, answer in answers.items():
        if answer.status_code == 403:
            assert f"user-{scope}'s has the scope '{scope}'" in problem(answer, 403)


def test_a_name_that_looks_like_a_path_opens_nothing(lab):
    """What the client writes into Host is no part of the path that the guard judges."""
    problem(lab.get("/v1/jobs", headers={"host": "lab.example/health?"}), 401)


@pytest.mark.parametrize("shown", ["Bearer", "Bearer nonsense", "Basic YTpi", "gft_00000000_x", "Bearer \xff"])
def test_what_is_no_token_is_refused(lab, shown):
    """Other kinds of credentials and mistyped tokens are refused, none makes the guard stumble."""
    problem(lab.get("/v1/jobs", headers={"authorization": shown.encode("latin-1")}), 401)


def test_a_revoked_token_is_refused_at_once(lab):
    """From the next request on."""
    assert lab.get("/v1/jobs", headers=bearer(lab, "read")).is_success
    lab.app.state.services.store.tokens.revoke(lab.tokens["read"].split("_")[1])
    problem(lab.get("/v1/jobs", headers=bearer(lab, "read")), 401)


def test_a_job_carries_the_name_of_its_user(open_lab, lab):
    """Who submitted a job stands in it; a job of before the first token belongs to nobody."""
    device = {"name": "this-computer", "url": "http://127.0.0.1:9"}
    assert lab.post("/v1/devices", json=device, headers=bearer(lab, "admin")).is_success
    made = lab.post("/v1/jobs", json=job_document(), headers=bearer(lab, "submit"))
    assert "user-submit" == made.json()["user"]
    assert ["user-submit", ""] == [
        job["user"] for job in lab.get("/v1/jobs", headers=bearer(lab, "read")).json()["items"]
    ]


class TestWithoutTokens:
    def test_this_machine_may_do_everything(self, open_lab):
        """One desk with one board needs no token."""
        assert open_lab.get("/v1/jobs").is_success
        assert 201 == open_lab.post("/v1/devices", json={"name": "nano-1", "url": "http://127.0.0.1:9"}).status_code

    @pytest.mark.parametrize("host", ["lab.example", "evil.example:8100", "192.0.2.1"])
    def test_another_name_is_refused(self, open_lab, host):
        """A foreign name that was made to lead to this machine lets no page of a browser in."""
        problem(open_lab.get("/v1/jobs", headers={"host": host}), 401)

    @pytest.mark.parametrize("host", ["localhost:8100", "127.0.0.1:8100", "[::1]:8100"])
    def test_this_machines_names_are_let_in(self, open_lab, host):
        """With any port, as through a tunnel."""
        assert open_lab.get("/v1/jobs", headers={"host": host}).is_success

    @pytest.mark.parametrize("host", ["localhost:8100", "127.0.0.1:8100", "[::1]:8100"])
    def test_another_machine_may_not_use_them(self, open_lab, host):
        """Through a proxy anybody may write this machine's name; who asks is known by its address."""
        elsewhere = TestClient(open_lab.app, base_url=HERE, client=("192.0.2.1", 1))
        problem(elsewhere.get("/v1/jobs", headers={"host": host}), 401)


class TestOtherSites:
    def test_a_change_that_a_foreign_page_asks_for_is_refused(self, open_lab):
        """Even on loopback and without tokens: a page that a browser shows must not cancel a job."""
        refused = open_lab.post("/v1/jobs/1/cancel", headers={"origin": "https://evil.example"})
        assert "another site" in problem(refused, 403)
        assert 403 == open_lab.post("/v1/jobs/1/cancel", headers={"origin": "null"}).status_code
        assert 200 == open_lab.post("/v1/jobs/1/cancel", headers={"origin": HERE}).status_code

    def test_a_foreign_page_has_no_use_of_the_cookie(self, lab):
        """Should a browser send it along all the same, the site that it names gives the page away."""
        lab.cookies.set("gradfilter_token", lab.tokens["admin"])
        for foreign in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
            problem(lab.post("/v1/jobs/1/cancel", headers=foreign), 403)
        assert 200 == lab.post("/v1/jobs/1/cancel", headers={"origin": "http://lab.example:8100"}).status_code


class TestLogin:
    def log_in(self, lab, token, **form):
        return lab.post("/login", data={"token": token, **form}, headers={"origin": str(lab.base_url)})

    def test_a_page_leads_to_the_form_and_back(self, lab):
        """A person who follows a link logs in and is where the link led to."""
        led = lab.get("/jobs/1", headers={"accept": "text/html"})
        assert (303, "/login?then=%2Fjobs%2F1") == (led.status_code, led.headers["location"])
        assert 'name="then" value="/jobs/1"' in lab.get(led.headers["location"]).text
        entered = self.log_in(lab, lab.tokens["read"], then="/jobs/1")
        assert (303, "/jobs/1") == (entered.status_code, entered.headers["location"])
        assert "job 1" in lab.get("/jobs/1", headers={"accept": "text/html"}).text.lower()

    def test_a_link_keeps_its_question(self, lab):
        """Whoever was sent a comparison or a filtered list lands on that, not on an empty page."""
        asked = "/results?model=tiny_cnn&metric=backward"
        led = lab.get(asked, headers={"accept": "text/html"})
        assert (
            'name="then" value="/results?model=tiny_cnn&amp;metric=backward"' in lab.get(led.headers["location"]).text
        )
        assert asked == self.log_in(lab, lab.tokens["read"], then=asked).headers["location"]

    def test_the_cookie_is_out_of_reach(self, lab):
        """No script reads it, no other site sends it, and under TLS it is never sent in the open."""
        flags = set(self.log_in(lab, lab.tokens["read"]).headers["set-cookie"].split("; ")[1:])
        assert {"HttpOnly", "SameSite=lax", "Path=/"} <= flags
        assert "Secure" not in flags
        lab.base_url = "https://lab.example"
        assert "; Secure" in self.log_in(lab, lab.tokens["read"]).headers["set-cookie"]

    @pytest.mark.parametrize("token", ["", "nonsense", "gft_00000000_" + "x" * 43])
    def test_a_wrong_token_is_asked_for_again(self, lab, token):
        """The form says so, and sets no cookie; what was typed is not shown."""
        refused = self.log_in(lab, token, then="/jobs/1")
        assert (401, True) == (refused.status_code, "opens nothing" in refused.text)
        assert "set-cookie" not in refused.headers
        assert not token or token not in refused.text

    @pytest.mark.parametrize(
        "then", ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:x", "/a\nb"]
    )
    def test_leads_to_no_other_site(self, lab, then):
        """Where to go afterwards is a page of the controller."""
        assert "/" == self.log_in(lab, lab.tokens["read"], then=then).headers["location"]

    def test_a_foreign_page_logs_nobody_in(self, lab):
        """Else it could have its victim work under a stranger's name."""
        form = {"token": lab.tokens["read"]}
        assert 403 == lab.post("/login", data=form, headers={"origin": "http://evil.example"}).status_code

    def test_logging_out_forgets_the_token(self, lab):
        """Afterwards the pages are closed again."""
        self.log_in(lab, lab.tokens["read"])
        assert lab.get("/").is_success
        assert 303 == lab.post("/logout", headers={"origin": str(lab.base_url)}).status_code
        assert 401 == lab.get("/").status_code
