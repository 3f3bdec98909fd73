/** Why the server closes a socket; courseware/sockets.py has the same. */

/** The session has no learner; a page load makes one. */
export const NO_LEARNER = 4401;
/** What the address names is somebody else's, or does not exist. */
export const NOT_YOURS = 4404;
