"""Drives a page in headless Chromium with the DevTools protocol: Tab and Enter, dark mode, print.

Usage: browser.py CHROMIUM PAGE WIDTH. Prints one JSON document. It needs nothing besides Python's standard library.
"""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

browser, page, width = sys.argv[1], Path(sys.argv[2]).resolve(), int(sys.argv[3])


class Page:
    """A page, over the pipe that `--remote-debugging-pipe` opens: messages end with a zero byte."""

    def __init__(self, profile):
        to_browser, self.write = os.pipe()
        self.read, from_browser = os.pipe()

        def descriptors():
            # The browser reads from 3 and writes to 4. The pipes may have these numbers themselves.
            one, other = os.dup(to_browser), os.dup(from_browser)
            os.dup2(one, 3)
            os.dup2(other, 4)

        arguments = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--remote-debugging-pipe",
                     f"--user-data-dir={profile}", f"--window-size={width},900", "about:blank"]
        self.process = subprocess.Popen([browser, *arguments], preexec_fn=descriptors, close_fds=False,
                                        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.number, self.rest, self.errors = 0, b"", []
        target = self.call("Target.getTargets", session=False)["targetInfos"][0]["targetId"]
        self.session = self.call("Target.attachToTarget", session=False, targetId=target, flatten=True)["sessionId"]

    def message(self):
        while b"\0" not in self.rest:
            part = os.read(self.read, 1 << 16)
            if not part:
                sys.exit("the browser has ended")
            self.rest += part
        text, self.rest = self.rest.split(b"\0", 1)
        message = json.loads(text)
        if message.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded", "Runtime.consoleAPICalled"):
            self.errors.append(json.dumps(message["params"])[:300])
        return message

    def call(self, method, session=True, **parameters):
        self.number += 1
        request = {"id": self.number, "method": method, "params": parameters}
        if session:
            request["sessionId"] = self.session
        os.write(self.write, json.dumps(request).encode() + b"\0")
        while True:
            message = self.message()
            if message.get("id") == self.number:
                if "error" in message:
                    sys.exit(f"{method}: {message['error']}")
                return message["result"]

    def value(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        if "exceptionDetails" in result:
            sys.exit(json.dumps(result["exceptionDetails"]))
        return result["result"].get("value")

    def press(self, key, code, text=""):
        common = {"key": key, "code": key, "windowsVirtualKeyCode": code}
        self.call("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        self.call("Input.dispatchKeyEvent", type="keyUp", **common)


with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
    tab = Page(profile)
    for domain in ("Page", "Runtime", "Log"):
        tab.call(f"{domain}.enable")
    tab.call("Page.navigate", url=page.as_uri())
    while tab.message().get("method") != "Page.loadEventFired":
        pass
    found = {}

    # Tab reaches every control once, and each shows that it has the focus.
    reachable = tab.value("""Array.prototype.filter.call(document.querySelectorAll('a[href], summary, input, .scroll'),
        function (one) { return one.checkVisibility() && !one.closest('svg'); }).length""")
    visited, unmarked = [], []
    for _ in range(reachable + 5):
        tab.press("Tab", 9)
        one = tab.value("""(function () { var one = document.activeElement, style = getComputedStyle(one);
            if (one === document.body) { return null; }
            if (!one.dataset.number) { one.dataset.number = String(document.querySelectorAll('[data-number]').length + 1); }
            return [one.dataset.number, one.tagName + ' ' + one.textContent.slice(0, 40),
                style.outlineStyle !== 'none' && parseFloat(style.outlineWidth) > 0]; })()""")
        if one is None or one[0] in visited:
            break
        visited.append(one[0])
        if not one[2]:
            unmarked.append(one[1])
    found["reachable"], found["visited"], found["unmarked"] = reachable, len(visited), unmarked

    # Enter opens what is folded, and Space turns a filter off.
    tab.value("document.querySelector('details:not([open]) > summary').focus()")
    tab.press("Enter", 13, "\r")
    found["opened"] = tab.value("document.activeElement.parentElement.open")
    tab.value("document.querySelector('[name=consequence]').focus()")
    before = tab.value("document.querySelectorAll('.change:not([hidden])').length")
    tab.press(" ", 32, " ")
    found["filtered"] = tab.value("document.querySelectorAll('.change:not([hidden])').length") < before
    tab.press(" ", 32, " ")
    # The first link leads to the overview.
    tab.value("document.querySelector('.skip').focus()")
    tab.press("Enter", 13, "\r")
    found["skipped"] = tab.value("location.hash")

    # Every text contrasts with what is behind it, in both color schemes.
    contrast = """(function () {
        function parts(color) { return (color.match(/[\\d.]+/g) || []).map(Number); }
        function light(rgb) { return rgb.slice(0, 3).reduce(function (sum, part, at) { part /= 255;
            part = part <= 0.03928 ? part / 12.92 : Math.pow((part + 0.055) / 1.055, 2.4);
            return sum + part * [0.2126, 0.7152, 0.0722][at]; }, 0); }
        var worst = 21;
        document.querySelectorAll('body *:not(svg *):not(script):not(style)').forEach(function (one) {
            var has = Array.prototype.some.call(one.childNodes, function (node) { return node.nodeType === 3 && node.data.trim(); });
            if (!has || !one.checkVisibility()) { return; }
            var behind = one;
            while (behind && (parts(getComputedStyle(behind).backgroundColor)[3] === 0)) { behind = behind.parentElement; }
            var one_ = light(parts(getComputedStyle(one).color)), other = light(parts(getComputedStyle(behind || document.body).backgroundColor));
            worst = Math.min(worst, (Math.max(one_, other) + 0.05) / (Math.min(one_, other) + 0.05)); });
        return worst; })()"""
    for scheme in ("light", "dark"):
        tab.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        found[scheme] = {"contrast": round(tab.value(contrast), 2),
                         "page": tab.value("getComputedStyle(document.body).backgroundColor")}

    # On paper, nothing is folded and nothing is there to be clicked.
    tab.value("document.querySelectorAll('details').forEach(function (one) { one.open = false; })")
    tab.call("Emulation.setEmulatedMedia", media="print", features=[])
    # The style of a medium takes effect with the next frame.
    tab.value("new Promise(function (done) { requestAnimationFrame(function () { requestAnimationFrame(done); }); })")
    found["print"] = {
        "folded": tab.value("""Array.prototype.filter.call(document.querySelectorAll('details > *:not(summary)'),
            function (one) { return !one.checkVisibility({ contentVisibilityAuto: true }) || one.offsetHeight === 0; })
            .map(function (one) { return one.outerHTML.slice(0, 80); })"""),
        "controls": tab.value("""Array.prototype.filter.call(document.querySelectorAll('nav, .filters, .skip'),
            function (one) { return one.checkVisibility(); }).length"""),
    }
    tab.call("Emulation.setEmulatedMedia", media="", features=[])
    pdf = tab.call("Page.printToPDF", printBackground=False)["data"]
    found["print"]["bytes"] = len(pdf)
    found["wide"] = tab.value("document.documentElement.scrollWidth > window.innerWidth")
    found["errors"] = tab.errors
    print(json.dumps(found))
    tab.call("Browser.close", session=False)
    tab.process.wait()
