/** Told to the user in one line, and no fault of ours. */
export class Trouble extends Error {}

/** The connection is gone, or the server is busy: trying again helps. */
export class Lost extends Trouble {}
