/** Whose this browser's uploads, kept places and jobs are: a token of its own making, which the server keeps only a hash of. */

import { recall, remember } from "./memory.js";

/** 32 hexadecimal digits by chance. */
const made = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");

let token = "";

/** The token, the same on every visit; for this visit only where the browser keeps nothing. */
export function ownerToken() {
  if (token) return token;
  const kept = recall("localStorage", "owner", "");
  token = /^[\w-]{16,128}$/.test(kept) ? kept : made();
  remember("localStorage", "owner", token);
  return token;
}
