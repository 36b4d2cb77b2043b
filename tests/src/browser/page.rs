//! One page: what it shows, and a hand and a keyboard on it.

use std::{
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::devtools::DevTools;
use crate::{PATIENCE, until};

/// A page of a [`super::Browser`].
#[derive(Debug)]
pub struct Page {
    tools: Rc<DevTools>,
    session: String,
}

impl Page {
    pub(super) fn new(tools: Rc<DevTools>, session: String) -> Self {
        let page = Self { tools, session };
        for domain in ["Page.enable", "Runtime.enable", "Network.enable"] {
            page.call(domain, &json!({}));
        }
        page
    }

    fn call(&self, method: &str, parameters: &Value) -> Value {
        self.tools.call(Some(&self.session), method, parameters)
    }

    /// Goes to an address and waits until the page is there.
    ///
    /// # Panics
    /// When nothing answers there.
    pub fn go(&self, url: &str) {
        let gone = self.call("Page.navigate", &json!({ "url": url }));
        assert!(gone.get("errorText").is_none(), "{url}: {}", gone["errorText"]);
        self.sees(url, "document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// The value of a JavaScript expression, its promise kept.
    ///
    /// # Panics
    /// When it throws.
    #[must_use]
    pub fn value(&self, expression: &str) -> Value {
        match self.evaluate(expression) {
            Ok(value) => value,
            Err(thrown) => panic!("{expression}: {thrown}"),
        }
    }

    fn evaluate(&self, expression: &str) -> Result<Value, Value> {
        let ask = json!({ "expression": expression, "returnByValue": true, "awaitPromise": true });
        let answer = self.tools.attempt(Some(&self.session), "Runtime.evaluate", &ask)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown.clone()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Runs JavaScript for what it does.
    pub fn run(&self, expression: &str) {
        drop(self.value(expression));
    }

    /// Waits until an expression is true; one that throws, as on a page that comes, is not yet.
    ///
    /// # Panics
    /// When it does not become true, with what the page shows then.
    pub fn sees(&self, what: &str, expression: &str) {
        let begun = Instant::now();
        let ask = format!("Boolean({expression})");
        loop {
            let answer = self.evaluate(&ask);
            if answer == Ok(Value::Bool(true)) {
                return;
            }
            if begun.elapsed() > PATIENCE {
                let (shown, complaints) = (self.evaluate(SHOWN), self.complaints());
                panic!("never seen: {what} ({answer:?})\n{shown:?}\n{complaints:?}");
            }
            thread::sleep(Duration::from_millis(25));
        }
    }

    /// Exceptions of its scripts that nobody caught.
    #[must_use]
    pub fn complaints(&self) -> Vec<String> {
        // An answer comes behind everything that happened before.
        self.run("0");
        self.tools.complaints(&self.session)
    }

    /// Clicks into the middle of the first element that a selector finds.
    pub fn click(&self, selector: &str) {
        let at = self.middle(selector);
        self.mouse("mouseMoved", at, 0);
        self.mouse("mousePressed", at, 1);
        self.mouse("mouseReleased", at, 1);
    }

    /// Drags an element by its middle.
    pub fn drag(&self, selector: &str, (dx, dy): (f64, f64)) {
        let (x, y) = self.middle(selector);
        self.mouse("mouseMoved", (x, y), 0);
        self.mouse("mousePressed", (x, y), 1);
        for step in 1..=5 {
            let part = f64::from(step) / 5.0;
            self.mouse("mouseMoved", (x + dx * part, y + dy * part), 1);
        }
        self.mouse("mouseReleased", (x + dx, y + dy), 1);
    }

    /// Taps into the middle of an element with a finger.
    pub fn tap(&self, selector: &str) {
        self.swipe(selector, (0.0, 0.0));
    }

    /// Drags an element by its middle, with a finger.
    pub fn swipe(&self, selector: &str, (dx, dy): (f64, f64)) {
        let (x, y) = self.middle(selector);
        self.touch("touchStart", &[(x, y)]);
        if (dx, dy) != (0.0, 0.0) {
            for step in 1..=5 {
                let part = f64::from(step) / 5.0;
                self.touch("touchMove", &[(x + dx * part, y + dy * part)]);
            }
        }
        self.touch("touchEnd", &[]);
    }

    /// Writes text where the cursor is.
    pub fn write(&self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Presses and releases a key, named as in `KeyboardEvent.key`.
    pub fn press(&self, key: &str) {
        for kind in ["rawKeyDown", "keyUp"] {
            let event = json!({ "type": kind, "key": key, "code": key });
            self.call("Input.dispatchKeyEvent", &event);
        }
    }

    /// Cuts the page's network, or joins it again.
    pub fn offline(&self, offline: bool) {
        let network = json!({
            "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1,
        });
        self.call("Network.emulateNetworkConditions", &network);
    }

    /// Gives the page the size of a window, or of a phone.
    pub fn resize(&self, width: u32, height: u32, phone: bool) {
        let scale = if phone { 2 } else { 1 };
        let size = json!({
            "width": width, "height": height, "deviceScaleFactor": scale, "mobile": phone,
        });
        self.call("Emulation.setDeviceMetricsOverride", &size);
        self.call("Emulation.setTouchEmulationEnabled", &json!({ "enabled": phone }));
    }

    /// What it looks like, as a picture of this format (`png`, `webp`) in base64.
    ///
    /// # Panics
    /// When the browser gives no picture.
    #[must_use]
    pub fn picture(&self, format: &str) -> String {
        let picture = self.call("Page.captureScreenshot", &json!({ "format": format }));
        picture["data"].as_str().expect("a picture").to_owned()
    }

    fn middle(&self, selector: &str) -> (f64, f64) {
        let find = format!(
            "(() => {{ const found = document.querySelector({});
              if (!found) return null;
              const at = found.getBoundingClientRect();
              return [at.x + at.width / 2, at.y + at.height / 2]; }})()",
            json!(selector)
        );
        let at = until(selector, || {
            let at = self.value(&find);
            at.as_array().map(|at| (at[0].clone(), at[1].clone()))
        });
        (at.0.as_f64().expect("a number"), at.1.as_f64().expect("a number"))
    }

    fn touch(&self, kind: &str, fingers: &[(f64, f64)]) {
        let points: Vec<Value> =
            fingers.iter().map(|(x, y)| json!({ "x": x, "y": y, "id": 0 })).collect();
        let event = json!({ "type": kind, "touchPoints": points });
        self.call("Input.dispatchTouchEvent", &event);
    }

    fn mouse(&self, kind: &str, (x, y): (f64, f64), buttons: u8) {
        let button = if buttons == 0 { "none" } else { "left" };
        let clicks = u8::from(kind != "mouseMoved");
        let event = json!({
            "type": kind, "x": x, "y": y, "button": button, "buttons": buttons,
            "clickCount": clicks, "pointerType": "mouse",
        });
        self.call("Input.dispatchMouseEvent", &event);
    }
}

/// What a page shows, in words.
const SHOWN: &str = "document.body.innerText.slice(0, 2000) + '\\n' + location.href";
