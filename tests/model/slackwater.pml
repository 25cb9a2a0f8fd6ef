/*
 * Slackwater's protocol: one run, a journal, leases, people, the network and the platform.
 *
 * Names are those of the code: `claim`, `append`, `consume`, `decide`, `next_move`, `may_begin`, `hears_first`,
 * `may_still_arrive`, and the events and states of `bot/domain`. docs/protocol.md says what is left out.
 *
 * Numbers of the code are bits here, which keeps the search finite and means the same. `folded[d]`: the newest
 * entry that driver d has folded in is the journal's newest (the code compares `after`). `fits[d]`: the revision
 * that d saw when it observed is still the object's (the platform compares it when a change lands). `lease_over`:
 * the owner's deadline has passed, and whoever wants the lease has watched it for that long (lease.pml counts).
 *
 * A frozen process needs no words of its own: any driver may rest between any two of its steps for any time.
 *
 * NO_..., and the other mutations, each take one safeguard away. CLOCKS_LIE, STRICT and FROZEN_CREATION put the
 * code to a harder question. searches.py has the lists.
 */

#ifndef TAKEOVERS
#define TAKEOVERS 1	/* leases that run out although their owner lives: it is frozen */
#endif
#ifndef CUTS
#define CUTS 0		/* a process is cut off from the database, for as long as it likes */
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
#ifndef LOST_NOTICES
#define LOST_NOTICES 0	/* notifications that do not reach a replica */
#endif

#define N 2		/* processes of the bot */
#define NOBODY N
#define SLOTS 2		/* requests under way at once; a third waits to be sent */
#define QUESTIONS 6	/* one for each shift, one more for each hold that closed one */

/* The plan of a canary: forward steps, then the way back. */
#define DEPLOY 0	/* canary/deploy */
#define HEADER 1	/* canary/header */
#define WEIGHT 2	/* canary/5/weight, asks */
#define BAKE 3		/* canary/5/bake */
#define FULL 4		/* canary/100/weight, asks */
#define PROMOTE 5	/* promote/stable, covered by FULL */
#define HOME 6		/* promote/traffic, covered by PROMOTE */
#define FORWARD 7	/* how many */
#define RESTORE 7	/* back/restore, undoes PROMOTE */
#define TRAFFIC 8	/* back/traffic, undoes HEADER */
#define REMOVE 9	/* back/canary, undoes DEPLOY */
#define BACK 10		/* behind the last */

#define shifts_traffic(s) (s == WEIGHT || s == FULL || s == PROMOTE || s == HOME)
#define is_way_back(s) (s >= FORWARD)
#define undone(s) (s == RESTORE -> PROMOTE : (s == TRAFFIC -> HEADER : DEPLOY))

/* What a step changes: the canary's Deployment, stable's, or else the route. */
#define on_canary(s) (s == DEPLOY || s == REMOVE)
#define on_stable(s) (s == PROMOTE || s == RESTORE)
#define on_same(s, other) (on_canary(s) == on_canary(other) && on_stable(s) == on_stable(other))

mtype:State = { RUNNING, WAITING, HELD, GOING_BACK, FINISHED, ROLLED_BACK, ABORTED };
mtype:Kind = { APPROVE, APPROVE_REST, HOLD, RESUME, ROLLBACK, EXPIRE, LAPSE };
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
#define is_terminal (state == FINISHED || state == ROLLED_BACK || state == ABORTED)
#define was_begun(s) (at > s || (at == s && (begun || failed)))

/* ---- rows beside the journal ---- */
mtype:Row row[QUESTIONS];
chan interrupts = [3] of { mtype:Kind, byte };	/* committed and not consumed, in their order */
byte lease_number, lease_owner = NOBODY;
bool lease_over;
bool told;			/* told_at: Slack has all messages of the run that has ended (message.pml) */

/* ---- the platform ---- */
byte weight;
bool header, canary, stable_is_new;
/* The way back leaves its mark, even on what it finds at rest, so the revision moves. */
#ifdef NO_MARK
#define route_marked true
#define stable_marked true
#else
bool route_marked, stable_marked;
#endif

/* ---- requests under way ---- */
bool busy[SLOTS], net_fits[SLOTS];
byte net_step[SLOTS], net_by[SLOTS] = NOBODY;	/* who waits for the answer */

/* ---- each driver ---- */
mtype:Pc = { IDLE, CLAIMED, LOOK, MOVE, REST, OBSERVE, INTEND, APPLY, SEND, VERIFY, DONE, TELL };
mtype:Pc pc[N] = IDLE;
byte lease[N], step[N];
bool folded[N], fits[N], settled[N], written[N];
bool cut[N];			/* off from the database */
#ifdef NO_NEW_INTENT
bool intended_once[N];		/* this carrier has journaled that the way back's step begins */
#define intends_once(d) intended_once[d] = true
#define begins_anew(d) intended_once[d] = false
#else
#define intends_once(d) skip
#define begins_anew(d) skip
#endif

/* ---- budgets ---- */
byte takeovers = TAKEOVERS, cuts = CUTS, crashes = CRASHES, timeouts = TIMEOUTS, losses = LOSSES;
byte holds = HOLDS, resumes = HOLDS + 1, turns = TURNS;
bool expired, lapsed;		/* the timer of the open question, of the hold by the bot, has fired */
bool bot_held;

/* ---- what the claims look at; nothing above looks here ---- */
bool yes[FORWARD], yes_to_rest;		/* a person said so */
bool intended[FORWARD], in_order[FORWARD];	/* an intent was journaled; its approval was there before */
bool landed[FORWARD];
bool moved_unapproved, moved_unasked, moved_unintended, written_stale, acted_unwritten, acted_without_lease;
bool landed_after_back, acted_after_end, moved_twice, won_twice, approved_another, went_over_a_press;
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
#define may_write(d) (!cut[d] && fenced(d))

/* A notification can be lost, so the engine also looks from time to time what waits for the runs it drives. */
#ifdef NO_LOOK
bool nudged[N];
byte lost_notices = LOST_NOTICES;
#define hears(d) nudged[d]
#define not_nudged(d) nudged[d] = false
#define nudge(d) nudged[d] = (pc[d] != IDLE && pc[d] != CLAIMED)
#else
#define hears(d) (len(interrupts) > 0)
#define not_nudged(d) skip
#endif

/* An entry was written by d. */
inline wrote(d) {
	written_stale = written_stale || !owns(d) || !folded[d];
	acted_after_end = acted_after_end || is_terminal;
	folded[1 - d] = false
}

/* The step is over for d, one way or another; nobody waits for what it still has under way. */
inline forget(d) {
	settled[d] = false; fits[d] = false; written[d] = false; step[d] = 0; begins_anew(d);
	if
	:: busy[0] && net_by[0] == d -> net_by[0] = NOBODY
	:: else
	fi;
	if
	:: busy[1] && net_by[1] == d -> net_by[1] = NOBODY
	:: else
	fi
}

inline gone(d) {
	forget(d); pc[d] = IDLE; folded[d] = false; lease[d] = 0; not_nudged(d)
}

inline leave(d) {	/* the driver ends; _own releases what it still holds */
	if
	:: owns(d) && !lease_over && !cut[d] -> lease_owner = NOBODY
	:: else
	fi;
	gone(d)
}

/* Whatever the one before goes on to do will be refused, but for a change that it is about to send. That it is
   refused is what other searches look at; where much else happens, it is done at once. */
#if defined(LIVENESS) || defined(REFUSED_AT_ONCE)
inline refuse_others(d) {
	if
	:: d == 0 && pc[1] != IDLE && pc[1] != SEND -> gone(1)
	:: d == 1 && pc[0] != IDLE && pc[0] != SEND -> gone(0)
	:: else
	fi
}
#else
#define refuse_others(d) skip
#endif

/* Refused: the lease is lost. Or nobody answers: the driver failed, and begins again from the journal. */
inline not_written(d) {
	if
	:: cut[d] -> forget(d); folded[d] = false; pc[d] = CLAIMED
	:: else -> leave(d)
	fi
}

inline look_again(d) {
	forget(d); pc[d] = LOOK
}

inline close_question(how) {
	expired = false;
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
	:: kind == ROLLBACK ->	/* Abort and a trigger go the same way */
		if
		:: state != GOING_BACK -> turn_back(false)
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

/* Ended: nothing may wake or answer the run any more. It stays claimed until all is told. */
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
		pc[d] = TELL;
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
		do
		:: back_at < BACK && !was_begun(undone(back_at)) -> back_at++
		:: else -> break
		od;
		if
		:: back_at == BACK && aborts -> ended(ABORTED)
		:: back_at == BACK && !aborts -> ended(ROLLED_BACK)
		:: else -> step[d] = back_at; pc[d] = OBSERVE
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
	(s == DEPLOY && canary) || (s == HEADER && header) || (s == WEIGHT && weight == 5) || (s == BAKE) || \
	(s == FULL && weight == 100) || (s == PROMOTE && stable_is_new) || \
	(s == HOME && weight == 0 && !header) || (s == RESTORE && !stable_is_new && stable_marked) || \
	(s == TRAFFIC && weight == 0 && !header && route_marked) || (s == REMOVE && !canary))

/* The code waits 15 s for a creation, which names no revision; one that was sent has landed then, or never will. */
#define is_sent(s) ((busy[0] && net_step[0] == s) || (busy[1] && net_step[1] == s))
#ifdef FROZEN_CREATION
#define is_under_way(s) is_sent(s)
#else	/* assumed: nobody is frozen longer than that right before the creation */
#define is_under_way(s) (is_sent(s) || is_sending(0, s) || is_sending(1, s))
#define is_sending(d, s) (step[d] == s && (pc[d] == SEND || (pc[d] == APPLY && !is_over(d))))
#endif
#if defined(NO_WAIT)
#define may_still_arrive(s) false
#elif defined(NO_WAIT_ONCE_DONE)
#define may_still_arrive(s) (s == REMOVE && at == DEPLOY && is_under_way(DEPLOY))
#else
#define may_still_arrive(s) (s == REMOVE && is_under_way(DEPLOY))
#endif

#ifdef NO_SEEN_REVISION
#define see_revision(d) skip
#define see_again(d) fits[d] = true
#else
#define see_revision(d) fits[d] = !settled[d]	/* what is settled is left alone */
#define see_again(d) skip
#endif

/* The deadline of d: counted from before its last renewal was sent, so nobody has the lease before it is over. */
#if defined(NO_DEADLINE) || defined(CLOCKS_LIE)
#define is_over(d) false
#define stops(d) (!owns(d) && !cut[d])	/* journal.renew says that another has it */
#else
#define is_over(d) (!owns(d) || lease_over)
#define stops(d) is_over(d)
#endif

inline send(d, slot) {
	busy[slot] = true; net_step[slot] = step[d]; net_by[slot] = d; net_fits[slot] = fits[d];
#ifdef STRICT
	acted_without_lease = acted_without_lease || !owns(d);
#endif
	fits[d] = false; written[d] = false; settled[d] = false;
#ifdef EFFECT_BEFORE_INTENT
	pc[d] = (is_way_back(step[d]) -> VERIFY : INTEND)
#else
	pc[d] = VERIFY
#endif
}

/* The object of step s has a new revision; whoever saw it before has seen the old one. */
inline moved(s) {
	fits[0] = fits[0] && !on_same(step[0], s);
	fits[1] = fits[1] && !on_same(step[1], s);
	net_fits[0] = net_fits[0] && !on_same(net_step[0], s);
	net_fits[1] = net_fits[1] && !on_same(net_step[1], s)
}

inline seen_landing(s) {
	acted_after_end = acted_after_end || is_terminal;
	if
	:: s < FORWARD ->
		moved_unintended = moved_unintended || !intended[s];
		moved_unapproved = moved_unapproved || (shifts_traffic(s) && !in_order[s]);
		moved_unasked = moved_unasked ||
			(s == WEIGHT && !yes[WEIGHT]) ||
			(s >= FULL && !yes[FULL] && !(yes_to_rest && yes[WEIGHT]));
		moved_twice = moved_twice || landed[s];
		landed_after_back = landed_after_back || (on_stable(s) && back_at > RESTORE) ||
			(on_canary(s) && back_at > REMOVE) ||
			(!on_stable(s) && !on_canary(s) && back_at > TRAFFIC);
		landed[s] = s != DEPLOY	/* one that comes late is removed, and may come again */
	:: else
	fi
}

/* What the platform does with a request: the revision has to fit, and what changes nothing is no write. */
inline land(i) {
	if
#ifdef NO_REVISION
	:: true ->
#else
	:: net_fits[i] || net_step[i] == DEPLOY ->	/* a creation names none */
#endif
		if
		:: is_so(net_step[i])
		:: else ->
			seen_landing(net_step[i]);
			if
			:: net_step[i] == DEPLOY -> canary = true
			:: net_step[i] == HEADER -> header = true
			:: net_step[i] == WEIGHT -> weight = 5
			:: net_step[i] == FULL -> weight = 100
			:: net_step[i] == PROMOTE -> stable_is_new = true
			:: net_step[i] == RESTORE -> stable_is_new = false
			:: net_step[i] == HOME || net_step[i] == TRAFFIC -> weight = 0; header = false
			:: net_step[i] == REMOVE -> canary = false
			fi;
#ifndef NO_MARK
			stable_marked = stable_marked || net_step[i] == RESTORE;
			route_marked = route_marked || net_step[i] == TRAFFIC;
#endif
			moved(net_step[i])
		fi
	:: else
	fi;
	arrived(i)
}

inline arrived(i) {	/* which slot a request has means nothing, so the second moves up */
	if
	:: i == 0 ->
		busy[0] = busy[1]; net_step[0] = net_step[1]; net_by[0] = net_by[1]; net_fits[0] = net_fits[1]
	:: else
	fi;
	busy[1] = false; net_step[1] = 0; net_by[1] = NOBODY; net_fits[1] = false
}

#define is_carrying(d) (pc[d] == OBSERVE || pc[d] == INTEND || pc[d] == APPLY || pc[d] == SEND || \
	pc[d] == VERIFY || pc[d] == DONE)
#define awaits_answer(d) ((busy[0] && net_by[0] == d) || (busy[1] && net_by[1] == d))

inline step_failed(d) {
	if
	:: may_write(d) -> wrote(d); failed = true; begun = false; look_again(d)
	:: else -> not_written(d)
	fi
}

/* One process of the bot, as driver of the run: `Engine._own`, `Driver.drive`, `Carrier.carry_out`. */
proctype bot(byte d) {
	mtype:Kind kind; byte about;
end:
	do
	/* journal.claim: a run that nobody drives, or whose lease ran out, and that Slack does not have all of */
	:: d_step { pc[d] == IDLE && !told && !cut[d] && (lease_number > 0 || d == 0) &&
		(lease_owner == NOBODY || lease_over) ->
		lease_over = false; lease_owner = d; lease_number++; lease[d] = lease_number; pc[d] = CLAIMED;
		refuse_others(d) }

	/* at its deadline a driver stops, whatever it does; it needs nobody to tell it */
	:: d_step { pc[d] != IDLE && stops(d) -> leave(d) }

	/* journal.entries and the fold; then Claimed, and nothing at all where the run has ended */
	:: d_step { pc[d] == CLAIMED && owns(d) && !cut[d] ->
		folded[d] = true;
		if
		:: is_terminal -> pc[d] = TELL
		:: else -> wrote(d); pc[d] = LOOK
		fi }
	:: d_step { pc[d] == TELL ->
		if
		:: may_write(d) -> told = true; leave(d)
		:: else -> not_written(d)
		fi }

	/* Driver.drive: listen, then move */
	:: d_step { pc[d] == LOOK ->
		not_nudged(d);
		if
		:: may_write(d) -> consume(d); pc[d] = MOVE
		:: else -> not_written(d)
		fi }
	:: d_step { pc[d] == MOVE ->
		if
		:: may_write(d) -> make_next_move(d)
		:: else -> not_written(d)
		fi }
	:: d_step { pc[d] == REST && hears(d) -> pc[d] = LOOK }

	/* Driver._watch_over: heard while a step is carried out; going back cancels what goes forward */
	:: d_step { is_carrying(d) && hears(d) ->
		not_nudged(d);
		if
		:: may_write(d) ->
			consume(d);
			if
			:: state == GOING_BACK && !is_way_back(step[d]) -> look_again(d)
			:: else
			fi
		:: else -> not_written(d)
		fi }

	/* Carrier: observe, journal the intent, apply what was seen, verify, journal the outcome */
	:: d_step { pc[d] == OBSERVE ->
		settled[d] = is_so(step[d]); see_revision(d);
#ifdef EFFECT_BEFORE_INTENT
		pc[d] = (settled[d] || is_way_back(step[d]) -> INTEND : APPLY)
#elif defined(NO_NEW_INTENT)
		pc[d] = (intended_once[d] -> (settled[d] -> VERIFY : APPLY) : INTEND)
#else
		pc[d] = INTEND
#endif
		}
	:: d_step { pc[d] == INTEND ->
		if
		:: !may_write(d) -> not_written(d)
#ifndef NO_HEARS_FIRST
		:: may_write(d) && !is_way_back(step[d]) && len(interrupts) > 0 -> look_again(d)
#endif
		:: may_write(d) && !is_way_back(step[d]) && (state == GOING_BACK || (state == HELD && !begun)) ->
			look_again(d)
		:: else ->
			wrote(d);
			if
			:: is_way_back(step[d]) -> intends_once(d)
			:: else ->
				went_over_a_press = went_over_a_press || len(interrupts) > 0;
				in_order[step[d]] = approval[step[d]]; intended[step[d]] = true;
				begun = true
			fi;
			written[d] = !settled[d];
#ifdef EFFECT_BEFORE_INTENT
			pc[d] = (settled[d] || !is_way_back(step[d]) -> VERIFY : APPLY);
#else
			pc[d] = (settled[d] -> VERIFY : APPLY);
#endif
			settled[d] = false
		fi }
	/* the deadline once more, then what apply asks first; then the change is sent */
	:: d_step { pc[d] == APPLY ->
		if
		:: is_over(d) -> leave(d)
		:: else ->
			acted_without_lease = acted_without_lease || !owns(d);
			acted_unwritten = acted_unwritten || !written[d];
			see_again(d);
			if
			:: step[d] == PROMOTE && weight != 100 -> step_failed(d)
			:: step[d] == REMOVE && (weight != 0 || header) -> pc[d] = OBSERVE	/* it tries on */
			:: else -> pc[d] = SEND
			fi
		fi }
	:: d_step { pc[d] == SEND && !busy[0] -> send(d, 0) }
	:: d_step { pc[d] == SEND && busy[0] && !busy[1] -> send(d, 1) }
	/* the client gives up while the request goes on; the step is tried anew, unless its time is over */
	:: d_step { pc[d] == VERIFY && timeouts > 0 && awaits_answer(d) ->
		timeouts--;
		if
		:: busy[0] && net_by[0] == d -> net_by[0] = NOBODY
		:: else -> net_by[1] = NOBODY
		fi;
		pc[d] = OBSERVE }
	:: d_step { pc[d] == VERIFY && !awaits_answer(d) && is_so(step[d]) && !may_still_arrive(step[d]) ->
		pc[d] = DONE }
	:: d_step { pc[d] == VERIFY && !awaits_answer(d) && !is_so(step[d]) -> pc[d] = OBSERVE }
	/* the step's time is over, or the bake found the version worse */
	:: d_step { pc[d] == VERIFY && !is_way_back(step[d]) && (timeouts > 0 || !awaits_answer(d)) ->
		timeouts = (awaits_answer(d) -> timeouts - 1 : timeouts);
		step_failed(d) }
	/* somebody else touched what the run relies on; while a person holds the run it is only looked on */
	:: d_step { pc[d] == VERIFY && step[d] == BAKE && !bot_held && state == RUNNING ->
		if
		:: may_write(d) ->
			wrote(d); bot_held = true; state = HELD; held_by_person = false; held_seq++; look_again(d)
		:: else -> not_written(d)
		fi }
	:: d_step { pc[d] == DONE ->
		if
		:: may_write(d) ->
			wrote(d);
			if
			:: is_way_back(step[d]) -> back_at++
			:: else -> at++; begun = false
			fi;
			look_again(d)
		:: else -> not_written(d)
		fi }
	/* the verdict of a bake that is done may also be no healthy one */
	:: d_step { pc[d] == DONE && step[d] == BAKE && may_write(d) ->
		wrote(d); at++; begun = false; healthy = false; look_again(d) }
	od
}

#define room (len(interrupts) < 3)

/* An interrupt is committed on any replica, and all replicas are told. */
#if defined(NO_LOOK)
inline tell_all() {
	if
	:: lost_notices > 0 -> lost_notices--
	:: else -> nudge(0); nudge(1)
	fi
}
#else
#define tell_all() skip
#endif

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
		row[q] = APPROVED; interrupts!kind(q); tell_all()
	:: else	/* StaleButton */
	fi
}

/* kill -9 at any point; the process starts again at once and finds what the database holds. */
inline crash(d) {
	crashes--;
	lease_over = lease_over || owns(d);	/* in time */
	cut[d] = false; gone(d)
}

/* Nobody is forced to press, and no weather to come: all of this may happen at any time, or never. */
proctype outside() {
end:
	do
	/* everybody who may press a button, on any card there ever was */
	:: d_step { pressable(asked) -> decide(asked, APPROVE) }
	:: d_step { pressable(asked) -> decide(asked, APPROVE_REST) }
#if defined(NO_CONDITION) || defined(ANY_QUESTION)
	:: d_step { asked >= 2 && pressable(asked - 1) -> decide(asked - 1, APPROVE) }
#endif
	:: d_step { holds > 0 && room && (state == RUNNING || state == WAITING) ->
		holds--; interrupts!HOLD(0); tell_all() }
	:: d_step { resumes > 0 && room && state == HELD -> resumes--; interrupts!RESUME(held_seq); tell_all() }
	:: d_step { turns > 0 && room && !is_terminal -> turns--; interrupts!ROLLBACK(0); tell_all() }

	:: d_step { crashes > 0 && pc[0] != IDLE -> crash(0) }
	:: d_step { crashes > 0 && pc[1] != IDLE -> crash(1) }
	:: d_step { takeovers > 0 && lease_owner != NOBODY && !lease_over -> takeovers--; lease_over = true }
	/* what it writes at this moment may be committed or not: it does not know */
	:: d_step { cuts > 0 && pc[0] != IDLE -> cuts--; cut[0] = true }
	:: d_step { cuts > 0 && pc[1] != IDLE -> cuts--; cut[1] = true }
	:: d_step { cuts > 0 && pc[0] != IDLE -> cuts--; cut[0] = true; not_written(0) }
	:: d_step { cuts > 0 && pc[1] != IDLE -> cuts--; cut[1] = true; not_written(1) }
	:: d_step { cut[0] -> cut[0] = false }
	:: d_step { cut[1] -> cut[1] = false }
#ifdef LIVENESS
	:: told || !told	/* nothing at all */
#endif
	od
}

/* What comes in its own time, and surely. */
proctype time() {
end:
	do
	/* the timers of questions and of the bot's own hold: each fires once, any time after it was set */
#ifndef NO_EXPIRY
	:: d_step { question != 0 && !expired && room -> expired = true; interrupts!EXPIRE(question); tell_all() }
#endif
	:: d_step { state == HELD && !held_by_person && !lapsed && room ->
		lapsed = true; interrupts!LAPSE(held_seq); tell_all() }
	/* who is cut off cannot renew */
	:: d_step { lease_owner != NOBODY && cut[lease_owner] && !lease_over -> lease_over = true }
	od
}

/* Each request lands in its own time, or never. */
proctype network() {
end:
	do
	:: d_step { busy[0] -> land(0) }
	:: d_step { busy[1] -> land(1) }
	:: d_step { busy[0] && losses > 0 -> losses--; arrived(0) }
	:: d_step { busy[1] && losses > 0 -> losses--; arrived(1) }
	od
}

init {
	atomic {
		run bot(0); run bot(1); run network(); run time(); run outside();
#ifndef LIVENESS
		run claims()
#endif
	}
}

#define home ((state == FINISHED && weight == 0 && !header && stable_is_new) || \
	((state == ROLLED_BACK || state == ABORTED) && weight == 0 && !header && !stable_is_new && !canary))
#define is_held (state == HELD && held_by_person)

/* What must never be. A process of its own, so that a breach is told by its name. */
proctype claims() {
	bool away_from_home, without_canary, stuck, reached;
end:
	do
	:: moved_unapproved -> assert(!moved_unapproved)
	:: moved_unintended -> assert(!moved_unintended)
	:: moved_unasked -> assert(!moved_unasked)
	:: written_stale -> assert(!written_stale)
#ifndef EFFECT_BEFORE_INTENT
	:: acted_unwritten -> assert(!acted_unwritten)
#endif
#ifndef CLOCKS_LIE
	:: acted_without_lease -> assert(!acted_without_lease)
#endif
	:: landed_after_back -> assert(!landed_after_back)
	:: acted_after_end -> assert(!acted_after_end)
	:: moved_twice -> assert(!moved_twice)
	:: won_twice -> assert(!won_twice)
	:: approved_another -> assert(!approved_another)
	:: went_over_a_press -> assert(!went_over_a_press)
#ifdef REACHES
	:: state == REACHES && lease_number > 1 && at > BAKE && told -> reached = true; assert(!reached)
#endif
	:: is_terminal && !home -> away_from_home = true; assert(!away_from_home)
	:: (weight > 0 || header) && !canary -> without_canary = true; assert(!without_canary)
	:: timeout && !told && !is_held -> stuck = true; assert(!stuck)
	od
}

ltl ends { <> told || <> [] is_held }
