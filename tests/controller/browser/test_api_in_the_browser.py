"""The REST interface as a page, in a real browser."""


def test_the_interface_is_described_without_another_host(visitor):
    """Every operation with its scope, and no request, script or style from anywhere but the controller."""
    page = visitor.open("/docs")
    assert "POST /v1/jobs" in page.inner_text("main")
    assert "Scope: submit." in page.inner_text("main")
    assert [] == visitor.barriers()
