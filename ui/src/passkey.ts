/** Passkeys in the browser: the server's JSON forms to WebAuthn's and back. `passkey.js` does it for plain pages. */

/** Whether this browser has passkeys, here: they need https, or localhost. */
export function hasPasskeys(): boolean {
  return "PublicKeyCredential" in window && isSecureContext;
}

/**
 * Ask the device for a passkey. Rejects when none was shown.
 *
 * In place of the password the device must make sure who holds it, and finds it by itself; beside one neither is needed.
 */
export async function showPasskey(options: object, isBesidePassword: boolean): Promise<string> {
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: decode(textOf(options, "challenge")),
      rpId: textOf(options, "rpId"),
      allowCredentials: isBesidePassword ? namedIn(options) : [],
      userVerification: isBesidePassword ? "preferred" : "required",
    },
  });
  if (
    !(credential instanceof PublicKeyCredential) ||
    !(credential.response instanceof AuthenticatorAssertionResponse)
  ) {
    throw new Error("The browser showed no passkey.");
  }
  const { authenticatorData, clientDataJSON, signature, userHandle } = credential.response;
  return JSON.stringify({
    id: credential.id,
    rawId: encode(credential.rawId),
    type: credential.type,
    clientExtensionResults: {},
    response: {
      authenticatorData: encode(authenticatorData),
      clientDataJSON: encode(clientDataJSON),
      signature: encode(signature),
      ...(userHandle === null ? {} : { userHandle: encode(userHandle) }),
    },
  });
}

function namedIn(options: object): PublicKeyCredentialDescriptor[] {
  const list: unknown = Reflect.get(options, "allowCredentials");
  if (!Array.isArray(list)) return [];
  return list.flatMap((one: unknown) =>
    typeof one === "object" && one !== null ? [{ type: "public-key", id: decode(textOf(one, "id")) }] : [],
  );
}

function textOf(value: object, name: string): string {
  const found: unknown = Reflect.get(value, name);
  if (typeof found !== "string") throw new Error(`The server did not say ${name}.`);
  return found;
}

/** Base 64 for addresses, without padding. */
export function decode(text: string): Uint8Array<ArrayBuffer> {
  const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  return Uint8Array.from(plain, letter => letter.charCodeAt(0));
}

export function encode(buffer: ArrayBuffer): string {
  return btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replaceAll("+", "-")
    .replaceAll("/", "_")
    .replace(/=+$/, "");
}
