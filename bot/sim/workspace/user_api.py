"""`/user/*`: what a person does and sees, as JSON; the page and the tests are its callers.

People, channels and users are named by id. A POST answers `{"ok": bool, "error"?, "ephemeral"?, "view_id"?}`
with status 200; a malformed request is answered with 400 and `{"ok": false, "error": "…", "message": "…"}`.
Requests with a foreign `Origin` or `Host` are refused with 403.

**Doing**

    POST /user/command  {user, channel, command: "/deploy", text}   → {ok, ephemeral?: text, view_id?}
    POST /user/press    {user, channel, ts, action_id, value?, block_id?}          an element of a message
                        {user, view_id, action_id, value?, block_id?, values?}     an element of a form or Home
         `value`: a button's value (tells apart buttons with the same action_id), an option's value, a date, a
         time, a text; a list of option values for checkboxes and multi selects. A `confirm` dialog is the
         page's business: a press that arrives here is confirmed. `values`: the other fields' state, if known.
    POST /user/submit   {user, view_id, values}      → {ok, view_id?} or {ok: false, error: "invalid_values",
                        errors: {block_id: sentence}}. `view_id` is the form that now is on top; none: all closed.
    POST /user/close    {user, view_id, all?: true}  closes the form on top, or all of them
    POST /user/suggest  {user, view_id | channel+ts, action_id, block_id?, value}  → {ok, options, option_groups?}
    POST /user/shortcut {user, callback_id, channel?, ts?}   a global shortcut, or one on a message
    POST /user/message  {user, channel, text, thread_ts?}    → {ok, ts}. Typed `@ada`, `@oncall`, `#deploys` become
                        `<@U…>`, `<!subteam^S…>`, `<#C…>`, as Slack's composer does it.
    POST /user/home     {user}                       opens the App Home (the app may publish it anew)
    POST /user/dismiss  {user, channel, ts}          removes an ephemeral message from the person's view
    PUT  /user/faults   see `faults.py`; `{}` clears. GET shows what is in force.

When the app does not acknowledge within 3 s, `error` is "operation_timeout"; when none is connected,
"dispatch_failed". Both leave an ephemeral message, too, whose text is in `ephemeral`.

**Seeing**

    GET /user/messages?channel=&user=&thread_ts=&limit=   → {"messages": […], "has_more": bool}, oldest first
    GET /user/people     → {"people": [{id, name, real_name, title, groups: ["oncall"], is_restricted, is_bot, color}]}
                           the app itself is the last, with is_bot: true
    GET /user/channels?user=  → {"channels": [{id, name, is_private, is_archived, is_im, is_member (the app's), topic,
                           members: ["U…"], user? (of a direct conversation)}]}; with user: only what they are in
    GET /user/groups     → {"groups": [{id, handle, name, users: ["U…"]}]}
    GET /user/commands   → {"commands": [{command: "/deploy", usage_hint, description}]}
    GET /user/views?user=  → {"views": [the open forms, top last], "home": view or null}
    GET /user/log?limit=   → {"calls": [{at, method, status, ok, error, channel, ts, body}]}, oldest first
    GET /user/files/<id>   → the bytes (this is also a file's `url_private`)
    GET /user/stream       → see `stream.py`
    GET /user/workspace    → {"name", "team_id", "bot_user_id", "app_name", "connected", "connections", "mode"}

**A message** is Slack's own object: `type, ts, user, text, blocks?, attachments?, files?, thread_ts?, bot_id?, app_id?,
bot_profile?, subtype?, edited?: {user, ts}, reactions?: [{name, count, users}], metadata?`, for a root with replies also
`reply_count, reply_users, reply_users_count, latest_reply`; and always `channel` and `ephemeral: bool`. Without
`thread_ts` the list holds roots and broadcast replies (`subtype: "thread_broadcast"`, with `root`, and without buttons,
as in Slack); with it the root and its replies. `user` adds that person's ephemeral messages in their place by `ts`;
an ephemeral message in a thread is shown only there. A deleted root with replies stays as `subtype: "tombstone"`.
A file: `{id, name, title, mimetype, filetype, size, url_private, permalink, alt_txt?, original_w?, original_h?}`.
Every block has a `block_id`, every element an `action_id`.

**A view** is Slack's own object: `id, type: "modal" | "home", title, submit, close, blocks, callback_id,
private_metadata, hash, state: {"values": …}, root_view_id, previous_view_id, clear_on_close, notify_on_close`.
`values` in requests has the form of `state.values`: `{block_id: {action_id: {"type": "plain_text_input", "value": "…"}}}`
or `selected_option: {text, value}`, `selected_options: […]`, `selected_date`, `selected_time`, `selected_user`,
`selected_channel`, `selected_conversation`, as Slack sends them; `type` may be left out. Fields that are not named
keep their initial value.
"""
