// Talks to the workspace as whoever plays a person: `/user/*`, and the demo's own `/demo/*` where it exists.

// Slack's client waits 3 s for an app; the workspace answers by then, and a little more is for a busy machine.
const PATIENCE = 15_000;

async function ask(method, path, body) {
  const options = { method, headers: {}, signal: AbortSignal.timeout(PATIENCE) };
  if (body !== undefined) {
    options.headers["Content-Type"] = "application/json";
    options.body = JSON.stringify(body);
  }
  try {
    const response = await fetch(path, options);
    const answer = await response.json();
    if (response.ok) return answer;
    return { ok: false, error: answer.error ?? `http_${response.status}`, message: answer.message };
  } catch (error) {
    return { ok: false, error: error.name === "TimeoutError" ? "no_answer" : "not_reachable" };
  }
}

const get = (path, query = {}) => {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  const search = new URLSearchParams(given).toString();
  return ask("GET", search ? `${path}?${search}` : path);
};
const post = (path, body) => ask("POST", path, body);

export const api = {
  workspace: () => get("/user/workspace"),
  people: () => get("/user/people"),
  channels: (user) => get("/user/channels", { user }),
  groups: () => get("/user/groups"),
  commands: () => get("/user/commands"),
  messages: (query) => get("/user/messages", query),
  views: (user) => get("/user/views", { user }),
  command: (body) => post("/user/command", body),
  press: (body) => post("/user/press", body),
  submit: (body) => post("/user/submit", body),
  close: (body) => post("/user/close", body),
  suggest: (body) => post("/user/suggest", body),
  message: (body) => post("/user/message", body),
  home: (user) => post("/user/home", { user }),
  dismiss: (body) => post("/user/dismiss", body),
  control: (body) => post("/demo/control", body),
};

// The demo's state, or null where this workspace is no demo (or the demo does not answer).
export async function demoState() {
  try {
    const response = await fetch("/demo/state", { signal: AbortSignal.timeout(PATIENCE) });
    return response.status === 200 ? await response.json() : null;
  } catch {
    return null;
  }
}

const SAID = {
  operation_timeout: "The app did not answer within 3 seconds.",
  dispatch_failed: "The app is not connected, so nobody received this.",
  not_reachable: "The workspace does not answer. Is it still running?",
  no_answer: "The workspace took too long to answer.",
  channel_not_found: "This conversation does not exist for you.",
  message_not_found: "This message is gone.",
  expired_trigger_id: "The app took too long to open its form.",
  unknown_command: "There is no such command.",
};

// An answer's error in words.
export const said = (answer) =>
  answer.ephemeral || answer.message || SAID[answer.error] || `That did not work (${answer.error ?? "unknown_error"}).`;
