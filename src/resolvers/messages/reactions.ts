import type { KeptReaction } from '../../db/queries/messages.ts'

/** People who react to one message of a group: WhatsApp's own largest group. */
const REACTIONS_MAX = 1024

/**
 * One reaction of each sender: the newest, whichever came first. An empty emoji takes it back, and stays, so that an
 * older one that comes late does not bring it back. The same array: nothing is new.
 */
export function withReaction(reactions: KeptReaction[], next: KeptReaction): KeptReaction[] {
  const present = reactions.find(reaction => reaction.sender === next.sender)
  if (present && (present.at > next.at || (present.at === next.at && present.emoji === next.emoji))) return reactions
  const others = reactions.filter(reaction => reaction.sender !== next.sender)
  return [...others, next].slice(-REACTIONS_MAX)
}

/** One emoji as people mean it: with skin tone, joined, a flag, or one that is drawn as text without its selector. */
export const isEmoji = (text: string): boolean => /^(?:\p{RGI_Emoji}|\p{Extended_Pictographic}\ufe0f?)$/v.test(text)
