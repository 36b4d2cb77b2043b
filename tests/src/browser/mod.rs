//! A headless Chromium, driven over the DevTools protocol.
//!
//! Knows the browser and how a hand uses a page; nothing of any page.

mod devtools;
mod page;

use std::{
    env, fs, io,
    io::Write as _,
    os::unix::process::CommandExt,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    rc::Rc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tempfile::TempDir;

use self::devtools::DevTools;
pub use self::page::Page;

/// Says whether a browser has to be there: `required`, or `off` to leave its tests out.
const WISH: &str = "SYNCLINE_BROWSER";
/// The program, when it has another name or place than those below.
const PROGRAM: &str = "SYNCLINE_CHROMIUM";
const NAMES: &[&str] = &["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// How long a browser may take to start; the first start of a machine is slow.
const START_PATIENCE: Duration = Duration::from_secs(60);

const FLAGS: &[&str] = &[
    "--headless=new",
    "--remote-debugging-port=0",
    "--no-sandbox",
    "--no-first-run",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
    // Every page is looked at, whichever window is in front.
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
];

/// A browser with a profile of its own. Ends when this is dropped.
#[derive(Debug)]
pub struct Browser {
    tools: Rc<DevTools>,
    child: Child,
    _profile: TempDir,
}

impl Browser {
    /// Starts one. When there is none it says so on standard error and returns `None`, unless the
    /// environment says that there must be one.
    ///
    /// # Panics
    /// When a browser is required and does not start.
    #[must_use]
    pub fn start() -> Option<Self> {
        let wish = env::var(WISH).unwrap_or_default();
        if wish == "off" {
            return not_run(&format!("{WISH} is off"));
        }
        let started = match program() {
            Some(program) => Self::launch(&program),
            None => Err(format!("there is no {} on the PATH", NAMES[0])),
        };
        match started {
            Ok(browser) => Some(browser),
            Err(why) if wish == "required" => panic!("{WISH} is required, but {why}"),
            Err(why) => not_run(&why),
        }
    }

    fn launch(program: &Path) -> Result<Self, String> {
        let profile = TempDir::with_prefix("syncline-browser-").map_err(|e| e.to_string())?;
        let mut command = Command::new(program);
        command.args(FLAGS).arg(format!("--user-data-dir={}", profile.path().display()));
        // A group of its own, so that all its processes end with it.
        command.arg("about:blank").process_group(0).stdin(Stdio::null());
        command.stdout(Stdio::null()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|e| format!("{}: {e}", program.display()))?;
        match endpoint(&mut child, profile.path()) {
            Ok((port, path)) => {
                let tools = Rc::new(DevTools::connect(port, &path));
                Ok(Self { tools, child, _profile: profile })
            }
            Err(why) => {
                end(&mut child);
                Err(why)
            }
        }
    }

    /// Opens a page as on a device of its own: it shares no storage with the others.
    ///
    /// # Panics
    /// When the browser does not open it.
    #[must_use]
    pub fn open(&self, url: &str) -> Page {
        let context = self.tools.call(None, "Target.createBrowserContext", &json!({}));
        let context = &context["browserContextId"];
        let place = json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = self.tools.call(None, "Target.createTarget", &place);
        let attach = json!({ "targetId": target["targetId"], "flatten": true });
        let session = self.tools.call(None, "Target.attachToTarget", &attach);
        let session = session["sessionId"].as_str().expect("a session has an id");
        let page = Page::new(self.tools.clone(), session.to_owned());
        page.go(url);
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        end(&mut self.child);
    }
}

fn end(child: &mut Child) {
    // It may have ended already: then there is nothing to kill.
    let _ = kill_process_group(Pid::from_child(child), Signal::KILL);
    drop(child.wait());
}

/// Past the test program's capture: who reads the output of a run should see it.
fn not_run(why: &str) -> Option<Browser> {
    let say = format!("\nNOT RUN for want of a browser: {why} ({WISH}=required makes it fail)\n");
    drop(io::stderr().write_all(say.as_bytes()));
    None
}

fn program() -> Option<PathBuf> {
    if let Some(named) = env::var_os(PROGRAM) {
        return Some(named.into());
    }
    let path = env::var_os("PATH")?;
    let folders: Vec<PathBuf> = env::split_paths(&path).collect();
    let found = NAMES.iter().flat_map(|name| folders.iter().map(move |f| f.join(name)));
    found.into_iter().find(|program| program.is_file())
}

/// The port and path of the DevTools, which the browser writes into its profile.
fn endpoint(child: &mut Child, profile: &Path) -> Result<(u16, String), String> {
    let begun = Instant::now();
    while begun.elapsed() < START_PATIENCE {
        let written = fs::read_to_string(profile.join("DevToolsActivePort")).unwrap_or_default();
        if let Some((port, path)) = written.split_once('\n')
            && let (Ok(port), true) = (port.parse(), path.starts_with('/'))
        {
            return Ok((port, path.trim().to_owned()));
        }
        if let Ok(Some(status)) = child.try_wait() {
            return Err(format!("the browser ended at its start: {status}"));
        }
        thread::sleep(Duration::from_millis(20));
    }
    Err("the browser does not start".into())
}
