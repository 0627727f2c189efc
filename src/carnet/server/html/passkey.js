// Passkeys in plain forms: what the device answers goes with the form that asked for it. Without this file all else works.
// `data-passkey`: what to ask for, on forms that take one; `data-new-passkey`: what to make, on the form that adds one.
"use strict";
(() => {
  if (!window.PublicKeyCredential) return;

  const decoded = text => {
    const plain = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    return Uint8Array.from(plain, letter => letter.charCodeAt(0));
  };
  const encoded = buffer =>
    btoa(String.fromCharCode(...new Uint8Array(buffer)))
      .replaceAll("+", "-")
      .replaceAll("/", "_")
      .replace(/=+$/, "");
  const withIds = list => list.map(one => ({ ...one, id: decoded(one.id) }));

  /** A credential in the JSON form of WebAuthn: browsers that make it themselves are few yet. */
  const asJson = credential => {
    const { id, rawId, type, response, authenticatorAttachment } = credential;
    const parts = {};
    for (const name of [
      "clientDataJSON",
      "attestationObject",
      "authenticatorData",
      "signature",
      "userHandle",
    ]) {
      if (response[name]) parts[name] = encoded(response[name]);
    }
    return JSON.stringify({
      id,
      rawId: encoded(rawId),
      type,
      authenticatorAttachment,
      clientExtensionResults: credential.getClientExtensionResults(),
      response: parts,
    });
  };

  /** What waits for a passkey from the list of passwords, until somebody asks for one on purpose. */
  let waiting = new AbortController();

  const say = (form, text) => {
    const line = form.querySelector("[data-passkey-problem]");
    line.textContent = text;
    line.hidden = false;
  };
  const send = (form, credential) => {
    form.elements.namedItem("passkey").value = asJson(credential);
    form.submit();
  };
  // In place of the password the device must make sure who holds it, and finds it by itself; beside one neither is needed.
  const ask = (form, isBesidePassword, more) => {
    const options = JSON.parse(form.dataset.passkey);
    return navigator.credentials.get({
      publicKey: {
        ...options,
        challenge: decoded(options.challenge),
        allowCredentials: isBesidePassword ? withIds(options.allowCredentials) : [],
        userVerification: isBesidePassword ? "preferred" : "required",
      },
      ...more,
    });
  };
  const make = form => {
    const options = JSON.parse(form.dataset.newPasskey);
    return navigator.credentials.create({
      publicKey: {
        ...options,
        challenge: decoded(options.challenge),
        user: { ...options.user, id: decoded(options.user.id) },
        excludeCredentials: withIds(options.excludeCredentials),
      },
    });
  };

  for (const form of document.querySelectorAll("form[data-passkey]")) {
    const button = form.querySelector("[data-passkey-button]");
    form.querySelector("[data-passkey-part]").hidden = false;
    const password = form.querySelector("input[type=password]");
    button.addEventListener("click", async () => {
      // All but the password, in whose place the passkey is.
      const wrong = [...form.elements].find(one => one !== password && !one.checkValidity());
      if (wrong) {
        wrong.reportValidity();
        return;
      }
      waiting.abort();
      waiting = new AbortController();
      try {
        send(form, await ask(form, Boolean(password?.value), { signal: waiting.signal }));
      } catch (error) {
        if (error.name !== "AbortError") say(form, "No passkey was shown. Try again, or type the password.");
      }
    });
  }

  const form = document.querySelector("form[data-passkey-at-once]");
  if (form) {
    PublicKeyCredential.isConditionalMediationAvailable?.().then(async isThere => {
      if (!isThere) return;
      try {
        send(form, await ask(form, false, { mediation: "conditional", signal: waiting.signal }));
      } catch {
        // Somebody typed, or pressed the button.
      }
    });
  }

  for (const form of document.querySelectorAll("form[data-new-passkey]")) {
    form.querySelector("button[type=submit]").disabled = false;
    form.addEventListener("submit", async event => {
      event.preventDefault();
      try {
        send(form, await make(form));
      } catch (error) {
        const isKnown = error.name === "InvalidStateError";
        say(form, isKnown ? "This device has a passkey for here already." : "No passkey was made. Try again.");
      }
    });
  }
})();
