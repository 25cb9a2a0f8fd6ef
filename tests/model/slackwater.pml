/*
 * Slackwater's protocol: one run, a journal, leases, people, the network and the platform.
 *
 * Names are those of the code: `claim`, `append`, `consume`, `decide`, `next_move`, `may_begin`, `hears_first`,
 * `may_still_arrive`, and the events and states of `bot/domain`. docs/protocol.md says what is left out.
 *
 * Two numbers of the code are bits here, which keeps the search finite and means the same. `folded[d]`: the
 * newest entry that driver d has folded in is the journal's newest (the code compares `after`). `fits[d]`: the
 * resourceVersion that d last read is still the object's (the platform compares it when a change lands).
 *
 * A frozen process needs no words of its own: any driver may rest between any two of its steps for any time.
 *
 * NO_..., and the other mutations, each take one safeguard away. ALL_EFFECTS, FROZEN, OVERDUE and DEAF put the
 * code to a harder question than it answers today; REMEDY answers the first two. run.py has the lists.
 */

#ifndef TAKEOVERS
#define TAKEOVERS 1	/* leases that run out although their owner lives: it is frozen, or cut off */
#endif
#ifndef CRASHES
#define CRASHES 1
#endif
#ifndef TIMEOUTS
#define TIMEOUTS 1	/* requests whose client gives up while they are still under way */
#endif
#ifndef LOSSES
#define LOSSES 1	/* requests that never arrive */
#endif
#ifndef HOLDS
#define HOLDS 1		/* by people, and one press more on Resume; the bot holds once by itself */
#endif
#ifndef TURNS
#define TURNS 1		/* Rollback, Abort, a trigger */
#endif

#define N 2		/* processes of the bot */
#define NOBODY N
#define SLOTS 2		/* requests under way at once; a third waits to be sent */
#define QUESTIONS 6	/* one for each shift, one more for each hold that closed one */

/* The plan of a canary: forward steps, then the way back. */
#define HEADER 0	/* canary/header */
#define WEIGHT 1	/* canary/5/weight, asks */
#define BAKE 2		/* canary/5/bake */
#define FULL 3		/* canary/100/weight, asks */
#define PROMOTE 4	/* promote/stable, covered by FULL */
#define HOME 5		/* promote/traffic, covered by PROMOTE */
#define FORWARD 6	/* how many */
#define RESTORE 6	/* back/restore, undoes PROMOTE */
#define TRAFFIC 7	/* back/traffic, undoes HEADER */
#define BACK 8		/* behind the last */

#define shifts_traffic(s) (s == WEIGHT || s == FULL || s == PROMOTE || s == HOME)
#define is_way_back(s) (s >= FORWARD)
#define on_stable(s) (s == PROMOTE || s == RESTORE)

mtype:State = { RUNNING, WAITING, HELD, GOING_BACK, FINISHED, ROLLED_BACK, ABORTED };
mtype:Kind = { APPROVE, APPROVE_REST, HOLD, RESUME, ROLLBACK, ABORT, TRIGGER, EXPIRE, LAPSE };
mtype:Row = { NONE, PENDING, APPROVED, CLOSED };

/* ---- the run, as the fold of its journal ---- */
mtype:State state = RUNNING;
byte at;			/* the first forward step that is not done */
bool begun, failed;		/* its status: PENDING, INTENDED, FAILED */
bool approval[FORWARD];
byte question, asked;		/* the open one, 0 if none; how many there were */
bool granted;
bool healthy = true;		/* the newest verdict */
bool held_by_person;
byte held_seq;
bool aborts;			/* the turn's ending */
byte back_at = RESTORE;
bool back_begun;
#define is_terminal (state == FINISHED || state == ROLLED_BACK || state == ABORTED)

/* ---- rows beside the journal ---- */
mtype:Row row[QUESTIONS];
chan interrupts = [3] of { mtype:Kind, byte };	/* committed and not consumed, in their order */
byte lease_number, lease_owner = NOBODY;
bool lease_expired;

/* ---- the platform ---- */
byte weight;
bool header, stable_is_new;
/* REMEDY: the way back leaves its mark on what it found at rest too, so the revision moves; and what names a
   revision has read it before its intent. */
#ifdef REMEDY
#define remedied true
bool marked_route, marked_stable;
#else
#define remedied false
#define marked_route true
#define marked_stable true
#endif

/* ---- requests under way ---- */
bool busy[SLOTS], net_fits[SLOTS];
byte net_step[SLOTS], net_by[SLOTS];

/* ---- each driver ---- */
mtype:Pc = { IDLE, CLAIMED, LOOK, MOVE, REST, OBSERVE, INTEND, APPLY, READ, SEND, VERIFY, DONE };
mtype:Pc pc[N] = IDLE;
byte lease[N], step[N];
bool folded[N], fits[N], settled[N], nudged[N], is_begun[N];

/* ---- budgets ---- */
byte takeovers = TAKEOVERS, crashes = CRASHES, timeouts = TIMEOUTS, losses = LOSSES;
byte holds = HOLDS, resumes = HOLDS + 1, turns = TURNS;
byte expired, lapsed;		/* the newest question and hold whose timer has fired */
bool bot_held;

/* ---- what the claims look at; nothing above looks here ---- */
bool yes[FORWARD], yes_to_rest;		/* a person said so */
bool intended[FORWARD], in_order[FORWARD];	/* an intent was journaled; its approval was there before */
bool landed[FORWARD], read_under_lease[N];
bool moved_unapproved, moved_unasked, moved_unintended, written_stale, acted_without_lease, landed_after_back;
bool acted_after_end, moved_twice, won_twice, approved_another, went_over_a_press, away_from_home, arrived;
#define owns(d) (lease[d] == lease_number && lease_owner != NOBODY)

#if defined(NO_FENCE)
#define fenced(d) true
#elif defined(NO_LEASE_CHECK)
#define fenced(d) (folded[d] && lease_owner != NOBODY)
#elif defined(NO_AFTER_CHECK)
#define fenced(d) owns(d)
#else
#define fenced(d) (owns(d) && folded[d])
#endif

/* An entry was written by d. */
inline wrote(d) {
	written_stale = written_stale || !owns(d) || !folded[d];
	acted_after_end = acted_after_end || is_terminal;
	folded[1 - d] = false
}

inline leave(d) {	/* the driver ends; _own releases what is still its own */
	if
	:: owns(d) -> lease_owner = NOBODY
	:: else
	fi;
	pc[d] = IDLE; folded[d] = false; nudged[d] = false; fits[d] = false; settled[d] = false;
	is_begun[d] = false; step[d] = 0; lease[d] = 0; read_under_lease[d] = false
}

inline close_question(how) {
	if
#ifdef ANY_QUESTION
	:: question != 0 -> question = 0
#else
	:: question != 0 -> row[question] = how; question = 0
#endif
	:: else
	fi
}

inline turn_back(abort) {
	state = GOING_BACK; aborts = abort; granted = false; held_by_person = false;
	close_question(CLOSED)
}

/* answer_to: the entries that follow from one interrupt, folded in. */
inline answer_to(kind, about) {
	if
	:: (kind == APPROVE || kind == APPROVE_REST) ->
		if
#ifdef ANY_QUESTION
		:: question != 0 ->
#else
		:: question == about && question != 0 ->
#endif
			approved_another = approved_another || question != about;
			granted = granted || kind == APPROVE_REST;
			yes_to_rest = yes_to_rest || kind == APPROVE_REST;
			approval[at] = true; yes[at] = true; state = RUNNING;
			close_question(APPROVED)
		:: else
		fi
	:: kind == HOLD ->
		if
		:: state == RUNNING || state == WAITING ->
			state = HELD; held_by_person = true; held_seq++; close_question(CLOSED)
		:: else
		fi
	:: kind == RESUME ->
		if
		:: state == HELD && about == held_seq -> state = RUNNING; held_by_person = false
		:: else
		fi
	:: kind == EXPIRE ->
		if
#ifdef SILENCE_APPROVES
		:: question == about && question != 0 ->
			approval[at] = true; state = RUNNING; close_question(APPROVED)
#else
		:: question == about && question != 0 -> turn_back(true)
#endif
		:: else
		fi
	:: kind == LAPSE ->
		if
		:: state == HELD && !held_by_person && about == held_seq -> turn_back(true)
		:: else
		fi
	:: (kind == ROLLBACK || kind == ABORT || kind == TRIGGER) ->
		if
		:: state != GOING_BACK -> turn_back(kind == ABORT)
		:: else
		fi
	fi
}

/* consume: the waiting interrupts become entries, in one transaction. Only of a run that has not ended. */
inline consume(d) {
	if
	:: len(interrupts) > 0 ->
		wrote(d);
		do
		:: len(interrupts) > 0 ->
			interrupts?kind, about;
			if
			:: is_terminal
			:: else -> answer_to(kind, about)
			fi
		:: len(interrupts) == 0 -> break
		od;
		kind = 0; about = 0
	:: else
	fi
}

/* Ended: nothing may wake or answer the run any more. */
inline ended(how) {
	if
#ifndef NO_HEARS_FIRST
	:: len(interrupts) > 0 -> pc[d] = LOOK
#endif
	:: else ->
		went_over_a_press = went_over_a_press || len(interrupts) > 0;
		wrote(d); state = how;
#ifdef ACTS_AFTER_END
		pc[d] = MOVE;
#else
		leave(d);
#endif
		do
		:: len(interrupts) > 0 -> interrupts?kind, about
		:: len(interrupts) == 0 -> break
		od;
		kind = 0; about = 0
	fi
}

#define covered ((at == PROMOTE && approval[FULL]) || (at == HOME && approval[PROMOTE]))
#ifdef NO_APPROVAL_CHECK
#define is_approved true
#else
#define is_approved approval[at]
#endif

/* next_move, and what it writes. A driver whose fold is old is refused whatever it decides. */
inline make_next_move(d) {
	if
#ifdef ACTS_AFTER_END
	:: is_terminal -> step[d] = HEADER; pc[d] = OBSERVE
#else
	:: is_terminal -> leave(d)
#endif
	:: state == GOING_BACK ->
		if
		:: back_at == RESTORE && at < PROMOTE || back_at == RESTORE && at == PROMOTE && !begun && !failed ->
			back_at = TRAFFIC
		:: else
		fi;
		if
		:: back_at == TRAFFIC && at == HEADER && !begun && !failed -> back_at = BACK
		:: else
		fi;
		if
		:: back_at == BACK && aborts -> ended(ABORTED)
		:: back_at == BACK && !aborts -> ended(ROLLED_BACK)
		:: else -> step[d] = back_at; is_begun[d] = false; pc[d] = OBSERVE
		fi
	:: state == WAITING -> pc[d] = REST
	:: state == HELD && begun && held_by_person -> step[d] = at; pc[d] = OBSERVE
	:: (state == HELD || state == RUNNING) && failed -> wrote(d); turn_back(false); pc[d] = LOOK
	:: state == HELD && !failed && !(begun && held_by_person) -> pc[d] = REST
	:: state == RUNNING && !failed && at == FORWARD -> ended(FINISHED)
	:: state == RUNNING && !failed && at < FORWARD ->
		if
		:: !shifts_traffic(at) || is_approved -> step[d] = at; pc[d] = OBSERVE
		:: else ->
			wrote(d); pc[d] = LOOK;
			if
			:: covered || (granted && healthy) -> approval[at] = true
			:: else ->
				assert(asked + 1 < QUESTIONS);
				#if !defined(NO_CONDITION) && !defined(ANY_QUESTION)
				row[asked] = NONE;
#endif
				asked++; question = asked; row[question] = PENDING; state = WAITING
			fi
		fi
	fi
}

/* Where the platform stands, against what a step wants. */
#define is_so(s) ( \
	(s == HEADER && header) || (s == WEIGHT && weight == 5) || (s == BAKE) || (s == FULL && weight == 100) || \
	(s == PROMOTE && stable_is_new) || (s == HOME && weight == 0 && !header) || \
	(s == RESTORE && !stable_is_new && marked_stable) || \
	(s == TRAFFIC && weight == 0 && !header && marked_route))

#define under_way(s) ((busy[0] && net_step[0] == s) || (busy[1] && net_step[1] == s))
#define undone(s) (s == RESTORE -> PROMOTE : HEADER)
/* The code waits 15 s; within that a request that was sent has landed, or never will. */
#ifdef NO_WAIT
#define may_still_arrive(s) false
#else
#define may_still_arrive(s) (is_way_back(s) && at == undone(s) && begun && !failed && under_way(undone(s)))
#endif

inline read_revision(d) {
	fits[d] = true; read_under_lease[d] = owns(d)
}

/* Where apply begins: the promotion asks for the weight first, all_to_stable takes a fresh look. */
#define after_intent(d) (step[d] == PROMOTE -> APPLY : (step[d] == TRAFFIC && !remedied -> READ : SEND))

inline send(d, slot) {
	busy[slot] = true; net_step[slot] = step[d]; net_by[slot] = d; net_fits[slot] = fits[d];
#ifndef REMEDY
	if	/* restore_stable names no revision */
	:: step[d] == RESTORE -> net_fits[slot] = true
	:: else
	fi;
#endif
#ifdef ALL_EFFECTS
	acted_without_lease = acted_without_lease || (!owns(d) && !read_under_lease[d]);
#else
	acted_without_lease = acted_without_lease ||
		(!owns(d) && !read_under_lease[d] && step[d] < PROMOTE);
#endif
	fits[d] = false; read_under_lease[d] = false;
#ifdef EFFECT_BEFORE_INTENT
	pc[d] = (is_way_back(step[d]) -> VERIFY : INTEND)
#else
	pc[d] = VERIFY
#endif
}

/* The object has a new resourceVersion; whoever read it before has the old one. */
inline moved(is_stable) {
	if
	:: on_stable(step[0]) == is_stable -> fits[0] = false
	:: else
	fi;
	if
	:: on_stable(step[1]) == is_stable -> fits[1] = false
	:: else
	fi;
	if
	:: busy[0] && on_stable(net_step[0]) == is_stable -> net_fits[0] = false
	:: else
	fi;
	if
	:: busy[1] && on_stable(net_step[1]) == is_stable -> net_fits[1] = false
	:: else
	fi
}

inline seen_landing(s) {
	acted_after_end = acted_after_end || (is_terminal && !is_so(s));
	if
	:: s < FORWARD ->
		moved_unintended = moved_unintended || !intended[s];
		moved_unapproved = moved_unapproved || (shifts_traffic(s) && !in_order[s]);
		moved_unasked = moved_unasked ||
			(s == WEIGHT && !yes[WEIGHT]) ||
			(s >= FULL && !yes[FULL] && !(yes_to_rest && yes[WEIGHT]));
		moved_twice = moved_twice || landed[s];
		landed_after_back = landed_after_back || (on_stable(s) && back_at > RESTORE && at >= PROMOTE) ||
			(!on_stable(s) && back_at > TRAFFIC);
		landed[s] = true
	:: else
	fi
}

/* What the platform does with a request: the revision has to fit, and what changes nothing is no write. */
inline land(i) {
	if
#ifdef NO_REVISION
	:: true ->
#else
	:: net_fits[i] || (net_step[i] == RESTORE && !remedied) ->
#endif
		if
		:: is_so(net_step[i])
		:: else ->
			seen_landing(net_step[i]);
			if
			:: net_step[i] == HEADER -> header = true
			:: net_step[i] == WEIGHT -> weight = 5
			:: net_step[i] == FULL -> weight = 100
			:: net_step[i] == PROMOTE -> stable_is_new = true
			:: net_step[i] == RESTORE -> stable_is_new = false
			:: net_step[i] == HOME || net_step[i] == TRAFFIC -> weight = 0; header = false
			:: else
			fi;
#ifdef REMEDY
			marked_stable = marked_stable || net_step[i] == RESTORE;
			marked_route = marked_route || net_step[i] == TRAFFIC;
#endif
			moved(on_stable(net_step[i]))
		fi
	:: else
	fi;
	busy[i] = false; net_step[i] = 0; net_by[i] = 0; net_fits[i] = false
}

/* Between its intent and its request a process is not frozen for as long as a lease: assumed, but with FROZEN. */
#ifdef FROZEN
#define may_freeze true
#else
#define may_freeze (pc[1 - d] != APPLY && pc[1 - d] != READ && pc[1 - d] != SEND)
#endif
#define is_carrying(d) (pc[d] == OBSERVE || pc[d] == INTEND || pc[d] == APPLY || pc[d] == READ || \
	pc[d] == SEND || pc[d] == VERIFY || pc[d] == DONE)
#define is_own(i, d) (busy[i] && net_by[i] == d && net_step[i] == step[d])
#define awaits_answer(d) (is_own(0, d) || is_own(1, d))
#define forget(d) settled[d] = false; is_begun[d] = false; fits[d] = false; read_under_lease[d] = false

/* One process of the bot, as driver of the run: `Engine._own`, `Driver.drive`, `Carrier.carry_out`. */
proctype bot(byte d) {
	mtype:Kind kind; byte about;
end:
	do
	/* journal.claim: an active run that nobody drives, or whose lease ran out */
	:: d_step { pc[d] == IDLE && !is_terminal && (lease_number > 0 || d == 0) &&
		(lease_owner == NOBODY || lease_expired || (takeovers > 0 && lease_owner != d && may_freeze)) ->
		if
		:: lease_owner != NOBODY && !lease_expired -> takeovers--
		:: else
		fi;
		lease_expired = false; lease_owner = d; lease_number++; lease[d] = lease_number; pc[d] = CLAIMED }

	/* journal.renew says that the lease is gone; the driver is cancelled, whatever it does */
	:: d_step { pc[d] != IDLE && !owns(d) -> leave(d) }

	/* journal.entries and the fold; then Claimed */
	:: d_step { pc[d] == CLAIMED && owns(d) ->
		folded[d] = true;
		if
		:: is_terminal -> leave(d)
		:: else -> wrote(d); pc[d] = LOOK
		fi }

	/* Driver.drive: listen, then move */
	:: d_step { pc[d] == LOOK ->
		nudged[d] = false;
		if
		:: fenced(d) -> consume(d); pc[d] = MOVE
		:: else -> leave(d)
		fi }
	:: d_step { pc[d] == MOVE ->
		if
		:: fenced(d) -> make_next_move(d)
		:: else -> leave(d)
		fi }
	:: d_step { pc[d] == REST && nudged[d] -> pc[d] = LOOK }

	/* Driver._watch_over: a nudge is heard while a step is carried out; going back cancels what goes forward */
	:: d_step { nudged[d] && is_carrying(d) ->
		nudged[d] = false;
		if
		:: fenced(d) ->
			consume(d);
			if
			:: state == GOING_BACK && !is_way_back(step[d]) -> pc[d] = LOOK
			:: else
			fi
		:: else -> leave(d)
		fi }

	/* Carrier: observe, journal the intent, apply, verify, journal the outcome */
	:: d_step { pc[d] == OBSERVE ->
		read_revision(d); settled[d] = is_so(step[d]);
#ifdef EFFECT_BEFORE_INTENT
		pc[d] = (settled[d] || is_way_back(step[d]) -> INTEND : SEND)
#else
		pc[d] = INTEND
#endif
		}
	/* _once_more on the way back: seen unsettled again, applied again without a new intent */
	:: d_step { pc[d] == INTEND && is_way_back(step[d]) && is_begun[d] && !remedied ->
		pc[d] = (settled[d] -> VERIFY : after_intent(d)) }
	:: d_step { pc[d] == INTEND ->
		if
		:: !fenced(d) -> leave(d)
#ifndef NO_HEARS_FIRST
		:: fenced(d) && !is_way_back(step[d]) && len(interrupts) > 0 -> pc[d] = LOOK
#endif
		:: fenced(d) && !is_way_back(step[d]) && (state == GOING_BACK || (state == HELD && !begun)) ->
			pc[d] = LOOK
		:: else ->
			wrote(d);
			if
			:: is_way_back(step[d]) -> back_begun = true
			:: else ->
				went_over_a_press = went_over_a_press || len(interrupts) > 0;
				in_order[step[d]] = approval[step[d]]; intended[step[d]] = true;
				begun = true
			fi;
			is_begun[d] = true;
#ifdef EFFECT_BEFORE_INTENT
			pc[d] = (settled[d] || !is_way_back(step[d]) -> VERIFY : after_intent(d))
#else
			pc[d] = (settled[d] -> VERIFY : after_intent(d))
#endif
		fi }
	/* promote_stable reads what it changes only now, once it saw that the canary serves everything */
	:: d_step { pc[d] == APPLY ->
		if
		:: weight != 100 && fenced(d) -> wrote(d); failed = true; begun = false; forget(d); pc[d] = LOOK
		:: weight != 100 && !fenced(d) -> leave(d)
		:: else -> pc[d] = (remedied -> SEND : READ)
		fi }
	:: d_step { pc[d] == READ -> read_revision(d); pc[d] = SEND }
	:: d_step { pc[d] == SEND && !busy[0] -> send(d, 0) }
	:: d_step { pc[d] == SEND && busy[0] && !busy[1] -> send(d, 1) }
	/* the client gives up while the request goes on; the step is tried anew */
	:: d_step { pc[d] == VERIFY && timeouts > 0 && awaits_answer(d) -> timeouts--; pc[d] = OBSERVE }
	:: d_step { pc[d] == VERIFY && !awaits_answer(d) && is_so(step[d]) && !may_still_arrive(step[d]) ->
		pc[d] = DONE }
	:: d_step { pc[d] == VERIFY && !awaits_answer(d) && !is_so(step[d]) -> pc[d] = OBSERVE }
	/* the step's time is over, or the bake found the version worse */
#ifdef OVERDUE
	:: d_step { pc[d] == VERIFY && !is_way_back(step[d]) && timeouts < TIMEOUTS ->
#else
	:: d_step { pc[d] == VERIFY && !is_way_back(step[d]) && !under_way(step[d]) ->
#endif
		if
		:: fenced(d) -> wrote(d); failed = true; begun = false; forget(d); pc[d] = LOOK
		:: else -> leave(d)
		fi }
	/* somebody else touched what the run relies on; while a person holds the run it is only looked on */
	:: d_step { pc[d] == VERIFY && step[d] == BAKE && !bot_held && state == RUNNING ->
		if
		:: !fenced(d) -> leave(d)
		:: else -> wrote(d); bot_held = true; state = HELD; held_by_person = false; held_seq++; pc[d] = LOOK
		fi }
	:: d_step { pc[d] == DONE ->
		if
		:: fenced(d) ->
			wrote(d);
			if
			:: is_way_back(step[d]) -> back_at++; back_begun = false
			:: else -> at++; begun = false
			fi;
			forget(d); pc[d] = LOOK
		:: else -> leave(d)
		fi }
	/* the verdict of a bake that is done may also be no healthy one */
	:: d_step { pc[d] == DONE && step[d] == BAKE && fenced(d) ->
		wrote(d); at++; begun = false; healthy = false; forget(d); pc[d] = LOOK }
	od
}

/* An interrupt is committed, and whoever drives is nudged. DEAF: only within the process that was asked. */
#define hears(p) (pc[p] != IDLE && pc[p] != CLAIMED)
#if defined(DEAF)
#define nudge_from(p) nudged[p] = hears(p)
#elif defined(NO_NUDGE)
#define nudge_from(p) skip
#else
#define nudge_from(p) nudged[0] = hears(0); nudged[1] = hears(1)
#endif
#define room (len(interrupts) < 3)

/* runs.decide: one conditional update says who wins, and the interrupt is committed with it. */
#define pressable(q) (q > 0 && room && row[q] != CLOSED && (row[q] == PENDING || more))
#ifdef NO_CONDITION
#define more (presses > 0)
byte presses = 2;
#else
#define more false	/* a late press is told StaleButton and changes nothing */
#endif
inline decide(q, kind) {
	if
#ifdef NO_CONDITION
	:: row[q] != CLOSED -> presses = presses - (presses > 0);
#else
	:: row[q] == PENDING ->
#endif
		won_twice = won_twice || row[q] == APPROVED;
		row[q] = APPROVED; interrupts!kind(q); nudge_from(1)
	:: else	/* StaleButton */
	fi
}

/* For the claim that every run ends: there are also days on which nobody presses anything. */
#ifdef LIVENESS
bool present;
#else
#define present true
#endif

/* Everybody who may press a button, on any card there ever was, at any time, or not at all. */
proctype people() {
end:
	do
	:: d_step { present && pressable(asked) -> decide(asked, APPROVE) }
	:: d_step { present && pressable(asked) -> decide(asked, APPROVE_REST) }
#if defined(NO_CONDITION) || defined(ANY_QUESTION)
	:: d_step { present && asked >= 2 && pressable(asked - 1) -> decide(asked - 1, APPROVE) }
#endif
	:: d_step { present && holds > 0 && room && (state == RUNNING || state == WAITING) ->
		holds--; interrupts!HOLD(0); nudge_from(0) }
	:: d_step { present && resumes > 0 && room && state == HELD -> resumes--; interrupts!RESUME(held_seq); nudge_from(0) }
	:: d_step { present && turns > 0 && room && !is_terminal -> turns--; interrupts!ROLLBACK(0); nudge_from(1) }
	:: d_step { present && turns > 0 && room && !is_terminal -> turns--; interrupts!ABORT(0); nudge_from(1) }
	od
}

/* The timers of questions and of the bot's own hold: each fires once, any time after it was set. */
proctype timers() {
end:
	do
#ifndef NO_EXPIRY
	:: d_step { question > expired && room -> expired = question; interrupts!EXPIRE(expired); nudge_from(1) }
#endif
	:: d_step { state == HELD && !held_by_person && held_seq > lapsed && room ->
		lapsed = held_seq; interrupts!LAPSE(lapsed); nudge_from(1) }
	od
}

/* One request on its way: it lands in its own time, or never. */
proctype network(byte i) {
end:
	do
	:: d_step { busy[i] -> land(i) }
	:: d_step { busy[i] && losses > 0 ->
		losses--; busy[i] = false; net_step[i] = 0; net_by[i] = 0; net_fits[i] = false }
	od
}

/* kill -9 at any point; the process starts again at once and finds what the database holds. */
inline crash(d) {
	crashes--;
	if
	:: owns(d) -> lease_expired = true	/* in time */
	:: else
	fi;
	pc[d] = IDLE; folded[d] = false; nudged[d] = false; fits[d] = false; settled[d] = false;
	is_begun[d] = false; step[d] = 0; lease[d] = 0; read_under_lease[d] = false
}

proctype weather() {
end:
	do
	:: d_step { crashes > 0 && pc[0] != IDLE -> crash(0) }
	:: d_step { crashes > 0 && pc[1] != IDLE -> crash(1) }
#ifdef LIVENESS	/* fairness must not force bad weather on anybody: it may get a run unstuck */
	:: d_step { crashes > 0 -> crashes-- }
	:: d_step { takeovers > 0 -> takeovers-- }
#endif
	od
}

/* Fairness is only asked about runs that go on; so time does, where nothing else moves any more. */
#ifdef LIVENESS
active proctype time() {
end:
	do
	:: true -> skip
	od
}
#endif

init {
	atomic {
#ifdef LIVENESS
		if
		:: present = true
		:: true
		fi;
#endif
		run bot(0); run bot(1); run network(0); run network(1);
		run people(); run timers(); run weather();
#ifndef LIVENESS
		run claims()
#endif
	}
}

#define home ((state == FINISHED && weight == 0 && !header && stable_is_new) || \
	((state == ROLLED_BACK || state == ABORTED) && weight == 0 && !header && !stable_is_new))

/* What must never be. A process of its own, so that a breach is told by its name. */
proctype claims() {
end:
	do
	:: moved_unapproved -> assert(!moved_unapproved)
	:: moved_unintended -> assert(!moved_unintended)
	:: moved_unasked -> assert(!moved_unasked)
	:: written_stale -> assert(!written_stale)
	:: acted_without_lease -> assert(!acted_without_lease)
	:: landed_after_back -> assert(!landed_after_back)
	:: acted_after_end -> assert(!acted_after_end)
	:: moved_twice -> assert(!moved_twice)
	:: won_twice -> assert(!won_twice)
	:: approved_another -> assert(!approved_another)
	:: went_over_a_press -> assert(!went_over_a_press)
#ifdef REACHES
	:: state == REACHES && lease_number > 1 && at > BAKE -> arrived = true; assert(!arrived)
#endif
	:: is_terminal && !home -> away_from_home = true; assert(!away_from_home)
	od
}

ltl ends { <> is_terminal || <> [] (state == HELD && held_by_person) }
