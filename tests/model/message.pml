/*
 * One message of a run that has ended, and the processes that may post it: `Delivery._bring` (bot/slack/delivery.py),
 * `Messages` (storage/messages.py), `Engine._tell_to_its_end`. Once it is told, nobody sees to the run any more.
 *
 * A process that was frozen may post what another one has posted meanwhile. A post that is out is seen through, up to
 * the removal of the message, even if the lease is lost while it is under way.
 *
 * CUT_SHORT and NO_... each take a safeguard away; LATE asks a harder question.
 */

#ifndef FREEZES
#define FREEZES 0	/* leases that run out although their owner lives */
#endif
#ifndef CRASHES
#define CRASHES 0
#endif
#ifndef LOST_ANSWERS
#define LOST_ANSWERS 0	/* posts whose sender gives up waiting */
#endif
#ifndef UNSEEN
#define UNSEEN 0	/* looks that do not show what stands already */
#endif

#define N 3		/* processes, or one that has the run again */
#define NOBODY N
#define POSTS 5

mtype:Post = { NONE, UNDER_WAY, STANDS, GONE };
mtype:Post post[POSTS];
byte posts;		/* how many there were */
byte place;		/* of the message in the memory: 0 while it is only reserved, or the post's number + 1 */

byte owner = NOBODY;
bool lease_over, told;

mtype:Pc = { IDLE, SAY, FIND, CHECK, SEND, WAIT, KEEP, REMOVE, TELL };
mtype:Pc pc[N] = IDLE;
byte own[N];		/* the post that it has sent */

byte freezes = FREEZES, crashes = CRASHES, lost_answers = LOST_ANSWERS, unseen = UNSEEN;

#define speaks(d) (owner == d && !lease_over)	/* `_check_speaks` */
#define waits(d, i) (pc[d] == WAIT && own[d] == i)
#define is_late(i) (post[i] == UNDER_WAY && !waits(0, i) && !waits(1, i) && !waits(2, i))
#ifdef LATE
#define may_look true
#else	/* assumed: what nobody waits for any more has landed, or never will, when somebody looks */
#define may_look (!is_late(0) && !is_late(1) && !is_late(2) && !is_late(3) && !is_late(4))
#endif
#ifdef CUT_SHORT
#define may_end(d) (pc[d] != IDLE)
#else
#define may_end(d) (pc[d] == SAY || pc[d] == FIND || pc[d] == CHECK || pc[d] == TELL)
#endif

#define stands(i) (post[i] == STANDS)
#define standing (stands(0) + stands(1) + stands(2) + stands(3) + stands(4))
#define is_silent (pc[0] == IDLE && pc[1] == IDLE && pc[2] == IDLE && \
	post[0] != UNDER_WAY && post[1] != UNDER_WAY && post[2] != UNDER_WAY && post[3] != UNDER_WAY && post[4] != UNDER_WAY)

inline find() {
	i = 0;
	do
	:: i < posts && post[i] != STANDS -> i++
	:: else -> break
	od
}

proctype process(byte d) {
	byte i;
end:
	do
	:: d_step { pc[d] == IDLE && !told && (owner == NOBODY || lease_over) ->
		owner = d; lease_over = false; pc[d] = SAY }
	/* the lease is gone: Publisher.dropped */
	:: d_step { may_end(d) && !speaks(d) -> pc[d] = IDLE; own[d] = 0 }

	:: d_step { pc[d] == SAY -> pc[d] = (place == 0 -> FIND : TELL) }
	/* its place was reserved; what stands there already bears the run's name */
	:: d_step { pc[d] == FIND && may_look ->
#ifdef NO_FIND
		i = posts;
#else
		find();
#endif
		if
		:: i < posts ->
			place = (place == 0 -> i + 1 : place); pc[d] = SAY
		:: else -> pc[d] = CHECK
		fi;
		i = 0 }
	:: d_step { pc[d] == FIND && may_look && unseen > 0 && standing > 0 -> unseen--; pc[d] = CHECK }
	:: d_step { pc[d] == CHECK ->
		if
		:: speaks(d) -> pc[d] = SEND
		:: else -> pc[d] = IDLE
		fi }
	:: d_step { pc[d] == SEND ->
		assert(posts < POSTS);
		post[posts] = UNDER_WAY; own[d] = posts; posts++; pc[d] = WAIT }
	:: d_step { pc[d] == WAIT && post[own[d]] == STANDS -> pc[d] = KEEP }
	/* no answer in time: it may be there or not */
	:: d_step { pc[d] == WAIT && lost_answers > 0 -> lost_answers--; own[d] = 0; pc[d] = SAY }
	/* Messages.posted: only where the place is free, or another process has found this very message */
	:: d_step { pc[d] == KEEP ->
		if
#if defined(NO_CONDITION)
		:: true ->
#elif defined(NO_OWN_PLACE)
		:: place == 0 ->
#else
		:: place == 0 || place == own[d] + 1 ->
#endif
			place = own[d] + 1; own[d] = 0; pc[d] = SAY
		:: else -> pc[d] = REMOVE
		fi }
	:: d_step { pc[d] == REMOVE ->
#ifndef NO_REMOVE
		post[own[d]] = GONE;
#endif
		own[d] = 0; pc[d] = SAY }
	/* Engine._tell_to_its_end, journal.told */
	:: d_step { pc[d] == TELL && speaks(d) && may_look ->
#ifdef SWEEP
		i = 0;
		do
		:: i < posts -> post[i] = (post[i] == STANDS && place != i + 1 -> GONE : post[i]); i++
		:: else -> break
		od;
		i = 0;
#endif
		told = true; owner = NOBODY; pc[d] = IDLE }
	od
}

proctype slack() {
	byte i;
end:
	do
	:: d_step { post[0] == UNDER_WAY -> post[0] = STANDS }
	:: d_step { post[1] == UNDER_WAY -> post[1] = STANDS }
	:: d_step { post[2] == UNDER_WAY -> post[2] = STANDS }
	:: d_step { post[3] == UNDER_WAY -> post[3] = STANDS }
	:: d_step { post[4] == UNDER_WAY -> post[4] = STANDS }
	od
}

inline crash(d) {
	crashes--; pc[d] = IDLE; own[d] = 0; lease_over = lease_over || owner == d
}

proctype weather() {
end:
	do
	:: d_step { freezes > 0 && owner != NOBODY && !lease_over -> freezes--; lease_over = true }
	:: d_step { crashes > 0 && pc[0] != IDLE -> crash(0) }
	:: d_step { crashes > 0 && pc[1] != IDLE -> crash(1) }
	:: d_step { crashes > 0 && pc[2] != IDLE -> crash(2) }
#ifdef LIVENESS
	:: told || !told
#endif
	od
}

init {
	atomic {
		run process(0); run process(1); run process(2); run slack(); run weather();
#ifndef LIVENESS
		run claims()
#endif
	}
}

proctype claims() {
	bool two_stand, none_stands;
end:
	do
	:: told && is_silent && standing > 1 -> two_stand = true; assert(!two_stand)
	:: told && is_silent && standing == 0 -> none_stands = true; assert(!none_stands)
	od
}

ltl said { <> (told && is_silent && standing == 1) }
