#!/usr/bin/env python3
# pages.py - looks at HTML pages in a real browser, as phones, desktops, nights and paper show them.
#
#     pages.py [--shots FOLDER] PAGE...
#
# Prints a line for each page and way to look at it: `ok - ...`, or `not ok - ...` and what is
# wrong: something that sticks out of the window or of its box, text whose contrast with what is
# behind it is less than WCAG 2.1 AA asks for, a script that ran, something that was fetched. With
# --shots there is a picture of each view in that folder, to be looked at by people.
#
# Chromium is driven through the pipe of its developer tools, so nothing is put into the pages.
import argparse
import base64
import json
import os
import pathlib
import select
import shutil
import subprocess
import sys
import tempfile
import time

VIEWS = [(f"{name}, {light}", width, height, light)
         for name, width, height in (("phone", 360, 740), ("desktop", 1280, 900))
         for light in ("light", "dark")]

# What is wrong with the page as it is laid out now, as a list of sentences.
LOOK = r"""
(() => {
  const wrong = [], seen = new Set();
  const tell = text => {
    if (!seen.has(text) && wrong.length < 20) { seen.add(text); wrong.push(text); }
  };
  const name = e => {
    const kind = e.getAttribute('class');
    return e.tagName.toLowerCase() + (kind ? '.' + kind : '')
           + ' "' + (e.textContent || '').trim().slice(0, 40) + '"';
  };
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth > width)
    tell(`the page is ${document.documentElement.scrollWidth} wide in a window of ${width}`);

  const parse = c => {
    const n = c.match(/[\d.]+/g).map(Number);
    return [n[0], n[1], n[2], n.length > 3 ? n[3] : 1];
  };
  const over = (top, under) => top.slice(0, 3).map((v, i) => v * top[3] + under[i] * (1 - top[3]));
  const behind = e => {
    const stack = [];
    for (; e; e = e.parentElement) stack.push(parse(getComputedStyle(e).backgroundColor));
    return stack.reverse().reduce((under, top) => over(top, under), [255, 255, 255]);
  };
  const luminance = c => {
    const linear = v => v <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    const [r, g, b] = c.map(v => linear(v / 255));
    return .2126 * r + .7152 * g + .0722 * b;
  };
  const contrast = (a, b) => {
    const [x, y] = [luminance(a), luminance(b)].sort((p, q) => q - p);
    return (x + .05) / (y + .05);
  };

  let texts = 0;
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let t; (t = walker.nextNode());) {
    const e = t.parentElement, style = getComputedStyle(e);
    if (!t.data.trim() || e.closest('script,style,svg title,svg desc')) continue;
    const range = document.createRange();
    range.selectNodeContents(t);
    const box = range.getBoundingClientRect();
    const unseen = style.visibility === 'hidden' || e.closest('thead') && box.width <= 1;
    if (!box.width || unseen) continue;
    texts++;
    const ink = parse(e.closest('svg') ? style.fill : style.color), paper = behind(e);
    const bold = Number(style.fontWeight) >= 700, size = parseFloat(style.fontSize);
    const need = size >= 24 || bold && size >= 18.66 ? 3 : 4.5;
    const ratio = contrast(over(ink, paper), paper);
    if (ratio < need) tell(`contrast ${ratio.toFixed(2)} of ${name(e)}`);
    if (!e.closest('pre,thead') && box.right > width + 1)
      tell(`${name(e)} ends at ${box.right.toFixed(0)} of ${width}`);
    if (!e.closest('thead') && box.left < -1)
      tell(`${name(e)} begins at ${box.left.toFixed(0)}`);
    const shown = e.closest('svg') ? box.height : size;
    if (shown < 9.5) tell(`${name(e)} is ${shown.toFixed(1)} pixels high`);
  }
  if (texts === 0) tell('there is no text');
  for (const e of document.body.querySelectorAll('*')) {
    const style = getComputedStyle(e);
    if (e.closest('svg,thead') || e.clientWidth === 0) continue;
    const scrolls = ['auto', 'scroll'].includes(style.overflowX);
    if (!scrolls && e.scrollWidth > e.clientWidth + 1)
      tell(`${name(e)} is ${e.scrollWidth} wide in a box of ${e.clientWidth}`);
    if (scrolls && e.scrollWidth > e.clientWidth && e.tabIndex < 0)
      tell(`${name(e)} scrolls, but not by the keyboard`);
  }
  for (const mark of document.querySelectorAll('svg circle, svg path, svg rect, svg polyline')) {
    const style = getComputedStyle(mark);
    const filled = ['circle', 'rect'].includes(mark.tagName);
    const ink = parse(filled ? style.fill : style.stroke);
    const ratio = contrast(ink.slice(0, 3), behind(mark.closest('figure')));
    if (ratio < 3) tell(`contrast ${ratio.toFixed(2)} of a ${mark.tagName} in a picture`);
  }
  for (const svg of document.querySelectorAll('svg'))
    if (!svg.querySelector(':scope > title')) tell('a picture without a title');
  if (!document.title || !document.documentElement.lang) tell('no title, or no language');
  const ids = [...document.querySelectorAll('[id]')].map(e => e.id);
  if (new Set(ids).size !== ids.length) tell('an id is there twice');
  const fetched = performance.getEntriesByType('resource').map(r => r.name);
  if (fetched.length) tell('it fetched ' + fetched.join(', '));
  if (document.querySelector('script')) tell('there is a script');
  return wrong;
})()
"""


class Browser:
    """Chromium without a window, spoken to through two pipes."""

    def __init__(self, program):
        self.folder = tempfile.mkdtemp(prefix="pages-")
        to_read, self.to_write = os.pipe()
        self.from_read, from_write = os.pipe()

        def take_pipes():  # it reads from 3 and writes to 4
            a, b = os.dup(to_read), os.dup(from_write)
            os.dup2(a, 3)
            os.dup2(b, 4)

        # It is root that CI runs as, and a browser that shows our own pages needs no sandbox.
        self.process = subprocess.Popen(
            [program, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage",
             "--no-first-run", "--hide-scrollbars", "--disable-extensions", "--mute-audio",
             "--disable-background-networking", "--disable-component-update",
             "--force-color-profile=srgb", f"--user-data-dir={self.folder}",
             "--remote-debugging-pipe", "about:blank"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            close_fds=False, preexec_fn=take_pipes)
        os.close(to_read)
        os.close(from_write)
        self.pending, self.last, self.events, self.session = b"", 0, [], None
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target,
                                 flatten=True)["sessionId"]
        self.call("Page.enable")

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def receive(self, deadline):
        while b"\0" not in self.pending:
            left = max(0, deadline - time.monotonic())
            ready, _, _ = select.select([self.from_read], [], [], left)
            if not ready:
                raise TimeoutError("the browser doesn't answer")
            data = os.read(self.from_read, 1 << 20)
            if not data:
                raise EOFError("the browser is gone")
            self.pending += data
        message, self.pending = self.pending.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **params):
        self.last += 1
        message = {"id": self.last, "method": method, "params": params}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.to_write, data):]
        deadline = time.monotonic() + 60
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == self.last:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']['message']}")
                return answer["result"]
            self.events.append(answer.get("method"))

    def open(self, page):
        self.events.clear()
        self.call("Page.navigate", url=pathlib.Path(page).resolve().as_uri())
        deadline = time.monotonic() + 60
        while "Page.loadEventFired" not in self.events:
            self.events.append(self.receive(deadline).get("method"))

    def emulate(self, width, height, light, media="screen"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height,
                  deviceScaleFactor=1, mobile=width < 600)
        self.call("Emulation.setEmulatedMedia", media=media,
                  features=[{"name": "prefers-color-scheme", "value": light}])

    def look(self):
        result = self.call("Runtime.evaluate", expression=LOOK, returnByValue=True)
        if "exceptionDetails" in result:
            raise RuntimeError(json.dumps(result["exceptionDetails"])[:2000])
        return result["result"]["value"]

    def picture(self, path):
        shot = self.call("Page.captureScreenshot", captureBeyondViewport=True)
        pathlib.Path(path).write_bytes(base64.b64decode(shot["data"]))


def verdict(name, wrong):
    print(f"{'not ok' if wrong else 'ok'} - {name}", flush=True)
    for sentence in wrong:
        print(f"    {sentence}")
    return not wrong


def look_at(browser, page, shots):
    stem = pathlib.Path(page).stem
    good = True
    for name, width, height, light in VIEWS:
        browser.emulate(width, height, light)
        browser.open(page)
        good &= verdict(f"{stem}: {name}", browser.look())
        if shots:
            browser.picture(shots / f"{stem}-{name.replace(', ', '-')}.png")
    # A4 with its margins; and what is printed at night is as light as ever.
    browser.emulate(673, 1000, "dark", "print")
    good &= verdict(f"{stem}: in print", browser.look())
    pdf = base64.b64decode(browser.call("Page.printToPDF", preferCSSPageSize=True)["data"])
    good &= verdict(f"{stem}: as PDF", [] if pdf.startswith(b"%PDF-") else ["it is none"])
    if shots:
        (shots / f"{stem}.pdf").write_bytes(pdf)
    return good


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--shots", type=pathlib.Path)
    parser.add_argument("pages", nargs="+")
    args = parser.parse_args()
    browser = Browser(shutil.which("chromium") or shutil.which("chromium-browser") or "chromium")
    try:
        good = all([look_at(browser, page, args.shots) for page in args.pages])
    finally:
        browser.close()
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
