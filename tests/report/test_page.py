"""The report in headless Chromium: readable, usable by keyboard, sound on paper and on small screens."""

import re

import pytest

READABLE = 7.0
"""Contrast of text and ground that WCAG 2.2 asks for at level AAA; 4.5 for small print."""


@pytest.fixture(scope="module")
def address(report):
    return report.as_uri()


def luminance(colour):
    """Relative luminance of ``rgb(r, g, b)`` (WCAG 2.2)."""
    parts = [int(part) / 255 for part in re.findall(r"\d+", colour)[:3]]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(page, selector):
    """Contrast of an element's text with the nearest ground behind it that is not transparent."""
    colours = page.eval_on_selector(
        selector,
        """element => {
            const ground = (part) => getComputedStyle(part).backgroundColor;
            let behind = element;
            while (ground(behind) === "rgba(0, 0, 0, 0)") behind = behind.parentElement;
            return [getComputedStyle(element).color, ground(behind)];
        }""",
    )
    low, high = sorted(map(luminance, colours))
    return (high + 0.05) / (low + 0.05)


def test_contrast_is_computed_as_the_standard_says():
    assert luminance("rgb(255, 255, 255)") == pytest.approx(1)
    assert luminance("rgb(0, 0, 0)") == 0
    assert luminance("rgb(119, 119, 119)") == pytest.approx(0.1845, abs=1e-3)


@pytest.mark.parametrize("width", [390, 1280])
def test_no_fault_no_lost_image_no_sideways_scrolling(address, look, width):
    with look(address, width=width) as seen:
        images = seen.page.eval_on_selector_all(
            "img", "all => all.map(i => [i.complete, i.naturalWidth, i.alt])"
        )
        assert len(images) > 12
        assert all(complete and wide > 0 and alt for complete, wide, alt in images)
        assert seen.page.evaluate("document.documentElement.scrollWidth") <= width
        assert seen.faults == []
        assert [asked for asked in seen.asked if not asked.startswith(("file:", "data:"))] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_is_readable(address, look, scheme):
    with look(address, color_scheme=scheme) as seen:
        ground = seen.page.evaluate("getComputedStyle(document.body).backgroundColor")
        assert (luminance(ground) < 0.1) == (scheme == "dark")
        for selector in ("main p", "td", "dd", ".verdict", "pre code"):
            assert contrast(seen.page, selector) >= READABLE, selector
        for selector in ("figcaption", "caption", "dt", "nav a", "summary", "footer"):
            assert contrast(seen.page, selector) >= 4.5, selector
        card = seen.page.eval_on_selector("figure img", "i => getComputedStyle(i).backgroundColor")
        assert card == "rgb(255, 255, 255)", "figures are dark on light in either scheme"


def test_the_keyboard_reaches_every_section(address, look):
    with look(address, reduced_motion="reduce") as seen:
        page = seen.page
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.className") == "skip"
        assert page.locator(".skip").bounding_box()["x"] >= 0, "seen while it has the focus"
        names = page.eval_on_selector_all("nav a", "all => all.map(a => a.hash.slice(1))")
        for name in names:
            page.keyboard.press("Tab")
            assert page.evaluate("document.activeElement.hash") == f"#{name}"
            outline = page.evaluate("getComputedStyle(document.activeElement).outlineStyle")
            assert outline == "solid"
        page.keyboard.press("Enter")
        assert page.evaluate("location.hash") == f"#{names[-1]}"
        assert page.evaluate("document.activeElement.id") == names[-1]
        assert 0 <= page.locator(f"#{names[-1]}-title").bounding_box()["y"] < 900


def test_a_table_is_sorted_by_its_heads(address, look):
    with look(address) as seen:
        table = seen.page.locator("#scores table").first
        head = table.locator("th button").nth(1)

        def values():
            cells = table.locator("tbody tr td:nth-child(2)").evaluate_all(
                "all => all.map(cell => Number(cell.dataset.value))"
            )
            return cells

        assert values() == sorted(values(), reverse=True)
        head.focus()
        seen.page.keyboard.press("Enter")
        assert table.locator("th").nth(1).get_attribute("aria-sort") == "descending"
        seen.page.keyboard.press("Enter")
        assert table.locator("th").nth(1).get_attribute("aria-sort") == "ascending"
        assert values() == sorted(values())
        table.locator("th button").first.click()
        names = table.locator("tbody tr td:nth-child(1)").all_inner_texts()
        assert names == sorted(names, key=str.lower)


def test_on_paper_all_is_there(address, look):
    with look(address, color_scheme="dark") as seen:
        seen.page.emulate_media(media="print")
        assert not seen.page.locator("nav").is_visible()
        assert luminance(seen.page.evaluate("getComputedStyle(document.body).backgroundColor")) == 1
        assert contrast(seen.page, "main p") >= READABLE
        seen.page.evaluate("dispatchEvent(new Event('beforeprint'))")
        assert seen.page.locator("details:not([open])").count() == 0
        assert seen.page.pdf().startswith(b"%PDF")


def test_without_scripts_everything_is_readable(address, look):
    with look(address, java_script_enabled=False) as seen:
        assert seen.page.locator("#provenance table").first.is_visible()
        assert seen.page.locator(".verdict").inner_text().startswith("The network")
