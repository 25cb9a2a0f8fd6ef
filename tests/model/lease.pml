/*
 * One lease and two watches: a process that has it, and one that would take it over. `Leases` (bot/engine/leases.py),
 * `WatchedLeases`, `claim_all`, `renew_all` and `release` (storage/leases.py, storage/journal.py).
 *
 * Nobody knows another's clock, but all watches run alike: a tick is one for both. It comes at any moment, so
 * anything may take any time, and a frozen process needs no words of its own; what differs between the two is when
 * they began to count. Number and beat of the row are not kept, only whether it still stands as it was read. The
 * owner drives other runs too, so it never stops to renew.
 *
 * FROM_THE_ANSWER, BLIND_CLAIM and RENEWS_ALL each take a safeguard away.
 */

#define LEASE 3		/* ticks */

/* ---- the row ---- */
mtype:Owner = { NOBODY, OWNER, WATCHER };
mtype:Owner owner = NOBODY;

/* ---- the owner ---- */
bool knows;		/* the claim is among its `Leases` */
byte left;		/* how long until its deadline */
byte asked;		/* how long ago it sent the request whose answer it awaits */
bool is_asking;
#define holds (knows && left > 0)

/* ---- the watcher ---- */
bool as_noted, as_read;	/* the row still stands as it noted it, as it has just read it */
byte stood;		/* for how long, since it was noted */
bool is_looking;

/* That somebody drives is only asked where the database answers within a tick, and each asks it once a tick. */
bool has_asked, has_looked;
#ifdef LIVENESS
#define may_ask !has_asked
#define may_look !has_looked
#define may_pass (has_asked && has_looked && !is_asking && !is_looking)
#define another_tick() has_asked = false; has_looked = false
#else
#define may_ask true
#define may_look true
#define may_pass true
#define another_tick() skip
#endif

bool taken_early;

inline changed() {	/* another owner and number, or another beat */
	as_noted = false; as_read = false
}

inline ask() {
	asked = 0; is_asking = true; has_asked = true
}

/* Counted from before it was sent. */
inline renewed() {
#ifdef FROM_THE_ANSWER
	left = LEASE
#else
	left = LEASE - asked
#endif
}

inline give_up() {
	knows = false; left = 0
}

inline answered() {
	asked = 0; is_asking = false
}

/* `journal.claim` and `Leases.take`, then `Leases.keep` for ever. Any answer may be lost. */
proctype owns() {
	bool held;
	d_step { ask() };
	d_step { owner == NOBODY -> owner = OWNER; changed() };
	if
	:: d_step { true -> knows = true; renewed(); answered() }
	:: d_step { true -> answered() }	/* it never knows */
	fi;
end:
	do
	:: d_step { may_ask -> ask() };
		d_step { true ->	/* renew_all */
			held = owner == OWNER;
			if
#ifdef RENEWS_ALL
			:: held -> changed()
#else
			:: held && knows -> changed()
#endif
			:: else
			fi };
		if
		:: d_step { held && knows -> renewed() }
		:: d_step { !held -> give_up() }
		:: true		/* no answer in time */
		fi;
		d_step {
			answered();
			if
			:: left == 0 -> give_up()
			:: else
			fi }
	:: d_step { may_ask -> ask() }; d_step {	/* it was not even done */
		answered();
		if
		:: left == 0 -> give_up()
		:: else
		fi }
	/* its driver ends while the lease is good */
	:: d_step { holds && owner == OWNER -> owner = NOBODY; changed(); give_up() }
	:: d_step { holds -> give_up() }	/* that does not arrive: its time runs out instead */
	od
}

/* `Engine._look_for_ever`: journal.claim reads; it takes what stood still, and still stands as it was read. */
proctype watches() {
	bool is_known, was_free;
end:
	do
	:: d_step { owner != WATCHER && may_look ->
		is_looking = true; has_looked = true; is_known = as_noted; was_free = (owner == NOBODY);
		as_noted = true; as_read = true; stood = (is_known -> stood : 0) };
		d_step {
			if
#ifdef BLIND_CLAIM
			:: was_free || stood == LEASE ->
#else
			:: (was_free || stood == LEASE) && as_read ->
#endif
				taken_early = taken_early || holds; owner = WATCHER; changed()
			:: else
			fi;
			is_looking = false; as_read = false; is_known = false; was_free = false }
	od
}

proctype time() {
end:
	do
	:: d_step { may_pass ->
		another_tick();
		left = (left > 0 -> left - 1 : 0);
		asked = (is_asking && asked < LEASE -> asked + 1 : asked);
		stood = (stood < LEASE -> stood + 1 : stood) }
	od
}

init {
	atomic {
		run owns(); run watches(); run time();
#ifndef LIVENESS
		run claims()
#endif
	}
}

proctype claims() {
	bool taken;
end:
	do
	:: taken_early -> assert(!taken_early)
#ifdef REACHES
	:: owner == WATCHER && knows -> taken = true; assert(!taken)
#endif
	od
}

ltl driven { [] <> (holds || owner == WATCHER) }
