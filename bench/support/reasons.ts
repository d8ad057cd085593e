/** Why a goal is missed, as its profile says; or what is to be known of a figure. Shown below the table of the bench. */
export const REASONS: Record<string, string> = {}
