// Times in words, in the reader's own zone.

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", hourCycle: "h23" });
const seconds = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit", hourCycle: "h23" });
const day = new Intl.DateTimeFormat("en", { weekday: "long", day: "numeric", month: "long" });
const shortDay = new Intl.DateTimeFormat("en", { day: "numeric", month: "short" });
const full = new Intl.DateTimeFormat("en", { dateStyle: "full", timeStyle: "medium", hourCycle: "h23" });

export const dateOf = (ts) => new Date(Number.parseFloat(ts) * 1000);
export const timeOf = (ts) => clock.format(dateOf(ts));
export const fullTimeOf = (ts) => full.format(dateOf(ts));
export const dayKeyOf = (ts) => dateOf(ts).toDateString();

export function dayOf(ts, now = new Date()) {
  return nearDay(dateOf(ts), now) ?? day.format(dateOf(ts));
}

function nearDay(date, now = new Date()) {
  const midnight = (one) => new Date(one.getFullYear(), one.getMonth(), one.getDate()).getTime();
  const days = Math.round((midnight(now) - midnight(date)) / 86_400_000);
  return { 0: "Today", 1: "Yesterday", [-1]: "Tomorrow" }[days] ?? null;
}

export function ago(ts, now = Date.now()) {
  const minutes = Math.round((now - dateOf(ts).getTime()) / 60_000);
  if (minutes < 1) return "just now";
  if (minutes < 60) return `${minutes} min ago`;
  if (minutes < 24 * 60) return `today at ${timeOf(ts)}`.replace("today at", dayKeyOf(ts) === new Date(now).toDateString() ? "today at" : "yesterday at");
  return shortDay.format(dateOf(ts));
}

// Slack's `<!date^…^format|fallback>` tokens.
export function formatDate(epoch, format, fallback) {
  const date = new Date(Number(epoch) * 1000);
  if (Number.isNaN(date.getTime())) return fallback ?? "";
  const longDay = new Intl.DateTimeFormat("en", { day: "numeric", month: "long", year: "numeric" });
  const near = nearDay(date);
  const tokens = {
    date_num: () => date.toISOString().slice(0, 10),
    date: () => longDay.format(date),
    date_short: () => shortDay.format(date),
    date_long: () => day.format(date),
    date_pretty: () => near?.toLowerCase() ?? longDay.format(date),
    date_short_pretty: () => near?.toLowerCase() ?? shortDay.format(date),
    date_long_pretty: () => near?.toLowerCase() ?? day.format(date),
    time: () => clock.format(date),
    time_secs: () => seconds.format(date),
    ago: () => ago(epoch),
  };
  return format.replace(/\{(\w+)\}/g, (whole, name) => tokens[name]?.() ?? whole);
}

export const clockOf = (date) => seconds.format(date);
