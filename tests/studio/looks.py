"""What can be checked by machine of how a page looks and sounds, in an open page of Chromium."""

NAMED = {  # roles that say nothing without a name
    *("button", "link", "textbox", "combobox", "searchbox", "spinbutton", "radio", "checkbox"),
    *("dialog", "form", "region", "navigation", "img", "image", "meter", "DisclosureTriangle"),
}
CONTRAST = """() => {
  const rgba = (text) => {
    const n = text.match(/[\\d.]+/g).map(Number);
    return [...n.slice(0, 3), n[3] ?? 1];
  };
  const linear = (c) => (c /= 255) <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const behind = (e) => {
    for (; e; e = e.parentElement) {
      const colour = rgba(getComputedStyle(e).backgroundColor);
      if (colour[3] === 1) return colour;
      if (colour[3] > 0) return null;  // over a picture: seen by eye
    }
  };
  const low = [], walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let seen = 0;
  for (let node; node = walker.nextNode();) {
    const e = node.parentElement, said = node.textContent.trim();
    if (!said || !e.checkVisibility({ visibilityProperty: true })) continue;
    const style = getComputedStyle(e), back = behind(e);
    if (!back) continue;
    const ink = rgba(e.closest("svg") ? style.fill : style.color);
    const [a, b] = [light(ink), light(back)].sort((x, y) => y - x);
    seen++;
    if ((a + 0.05) / (b + 0.05) < 4.5) low.push([said.slice(0, 40), ink.join(), back.join()]);
  }
  return [seen, low];
}"""
FOCUS = """() => {
  const e = document.activeElement;
  const seen = [e, e.closest("label") || e].map(each => getComputedStyle(each)).some(
    style => style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2);
  return [e.outerHTML.slice(0, 80), seen];
}"""
SMALL = """() => [...document.querySelectorAll("button, select, input, summary")]
  .filter(e => e.type !== "hidden" && e.checkVisibility())
  .filter(e => Math.min(e.getBoundingClientRect().height, e.getBoundingClientRect().width) < 20)
  .map(e => e.outerHTML.slice(0, 80))"""
MOVING = """() => [...document.querySelectorAll("*")].map(e => getComputedStyle(e)).filter(
  s => s.transitionDuration !== "0s" || s.animationName !== "none" || s.scrollBehavior === "smooth"
).length"""


def nodes_of(page):
    """What the browser tells a screen reader: role and name of each thing."""
    found = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    return [
        (each["role"]["value"], each.get("name", {}).get("value", "").strip())
        for each in found
        if not each["ignored"]
    ]


def low_contrast(page, scheme):
    """Text with less than 4.5 to 1, with all that is folded away open."""
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(e => e.open = true)")
    seen, low = page.evaluate(CONTRAST)
    assert seen > 20
    return low


def unseen_focus(page, steps=25):
    """Where the focus goes by Tab, and is not seen."""
    lost = []
    for _ in range(steps):
        page.keyboard.press("Tab")
        html, seen = page.evaluate(FOCUS)
        if html.startswith("<body"):
            break
        if not seen:
            lost.append(html)
    return lost


def cut_off(page, width=320):
    """By how much a page is too wide for a phone, and what is too small for a finger."""
    page.set_viewport_size({"width": width, "height": 640})
    wide = page.evaluate("document.documentElement.scrollWidth")
    return max(0, wide - width), page.evaluate(SMALL)
