/** The dialog that signs in again over a page that stays as it is, and the line that stands while somebody puts it off. */

import { useComputed, useSignal, useSignalEffect } from "@preact/signals";
import { render } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";
import { announce } from "../controls/announce.tsx";
import { Button } from "../controls/button.tsx";
import { Dialog } from "../controls/dialog.tsx";
import { hasPasskeys } from "../passkey.ts";
import type { SignIn, SignInState } from "../signin.ts";
import { strings } from "../strings.ts";
import "./signin.css";

/** A dialog that comes while somebody types would take the next letters for a password. */
const QUIET_MS = 900;
/** Another tab may have signed in by the login page, which tells nobody. */
const LOOK_AGAIN_MS = 15_000;

/** Watch over a page, whatever it shows. */
export function mountSignIn(signIn: SignIn): void {
  const element = document.createElement("div");
  document.body.append(element);
  render(<SignInHost signIn={signIn} />, element);
}

function SignInHost({ signIn }: { readonly signIn: SignIn }) {
  const state = signIn.state.value;
  const quiet = useQuiet(signIn);
  useEffect(() => {
    if (state.kind === "in") return;
    const look = () => {
      if (!document.hidden) void signIn.look();
    };
    const timer = setInterval(look, LOOK_AGAIN_MS);
    document.addEventListener("visibilitychange", look);
    window.addEventListener("focus", look);
    return () => {
      clearInterval(timer);
      document.removeEventListener("visibilitychange", look);
      window.removeEventListener("focus", look);
    };
  }, [state.kind, signIn]);
  switch (state.kind) {
    case "in":
      return null;
    case "asking":
      return quiet ? <Form signIn={signIn} state={state} /> : null;
    case "later":
      return (
        <div class="signin-line" role="status">
          {strings.notSignedIn}
          <Button kind="link" onClick={() => void signIn.again(true)}>
            {strings.signIn}
          </Button>
        </div>
      );
    case "stranger":
      return (
        <Dialog
          title={strings.otherUserTitle}
          onClose={() => undefined}
          actions={
            <Button kind="primary" autofocus onClick={() => location.reload()}>
              {strings.loadAgain}
            </Button>
          }
        >
          <p>{strings.otherUser(state.user)}</p>
        </Dialog>
      );
  }
}

/** Whether nobody is typing, from when a login is wanted on. */
function useQuiet(signIn: SignIn): boolean {
  const quiet = useSignal(false);
  const lastKeyMs = useRef(Number.NEGATIVE_INFINITY);
  useEffect(() => {
    const key = () => {
      lastKeyMs.current = performance.now();
    };
    document.addEventListener("keydown", key, true);
    document.addEventListener("beforeinput", key, true);
    return () => {
      document.removeEventListener("keydown", key, true);
      document.removeEventListener("beforeinput", key, true);
    };
  }, []);
  const isAsking = useComputed(() => signIn.state.value.kind === "asking");
  useSignalEffect(() => {
    quiet.value = false;
    if (!isAsking.value) return;
    let timer: ReturnType<typeof setTimeout>;
    const wait = () => {
      const leftMs = lastKeyMs.current + QUIET_MS - performance.now();
      if (leftMs > 0) timer = setTimeout(wait, leftMs);
      else quiet.value = true;
    };
    wait();
    return () => clearTimeout(timer);
  });
  return quiet.value;
}

function Form(props: { readonly signIn: SignIn; readonly state: Extract<SignInState, { kind: "asking" }> }) {
  const { signIn, state } = props;
  const { wanted, problem, busy, waitUntilMs } = state;
  const password = useRef<HTMLInputElement>(null);
  const code = useRef<HTMLInputElement>(null);
  const id = useId();
  const waitS = useSecondsUntil(waitUntilMs);
  useEffect(() => {
    if (problem === "") return;
    if (code.current !== null) code.current.value = "";
    password.current?.focus();
    password.current?.select();
  }, [problem]);
  const send = (byPasskey: boolean) =>
    void signIn.submit({
      password: password.current?.value ?? "",
      code: code.current?.value ?? "",
      byPasskey,
    });
  const submit = (event: Event) => {
    event.preventDefault();
    send(false);
  };
  const idle = !busy && waitS === 0;
  const said = waitS > 0 ? strings.tooManyTries(waitS) : problem;
  return (
    <Dialog
      title={strings.signInAgain}
      onClose={() => signIn.later()}
      actions={
        <>
          <Button kind="outlined" onClick={() => signIn.later()}>
            {strings.notNow}
          </Button>
          {wanted.passkey !== null && hasPasskeys() && (
            <Button kind="outlined" disabled={!idle} onClick={() => send(true)}>
              {strings.usePasskey}
            </Button>
          )}
          <Button kind="primary" disabled={!idle} onClick={submit}>
            {strings.signIn}
          </Button>
        </>
      }
    >
      <p id={`${id}-why`}>
        {wanted.why} {strings.staysAsItIs}
      </p>
      {!isSecureContext && <p class="field-problem">{strings.notEncrypted}</p>}
      <form class="signin-form" onSubmit={submit}>
        <label for={`${id}-password`}>{wanted.wants}</label>
        <input
          ref={password}
          id={`${id}-password`}
          class="field"
          type="password"
          autocomplete="current-password"
          data-autofocus
          required
          aria-invalid={problem !== ""}
          aria-describedby={`${id}-problem ${id}-why`}
        />
        {wanted.code && (
          <>
            <label for={`${id}-code`}>{strings.oneTimeCode}</label>
            <input
              ref={code}
              id={`${id}-code`}
              class="field"
              autocomplete="one-time-code"
              spellcheck={false}
            />
          </>
        )}
        <p id={`${id}-problem`} class="field-problem" role="alert">
          {said}
        </p>
        <button type="submit" hidden />
      </form>
    </Dialog>
  );
}

/** Counts down; 0: it is over. */
function useSecondsUntil(untilMs: number): number {
  const now = useSignal(Date.now());
  useEffect(() => {
    now.value = Date.now();
    if (untilMs === 0) return;
    const timer = setInterval(() => {
      now.value = Date.now();
      if (now.value < untilMs) return;
      clearInterval(timer);
      announce(strings.tryAgainNow);
    }, 1000);
    return () => clearInterval(timer);
  }, [untilMs, now]);
  return Math.max(0, Math.ceil((untilMs - now.value) / 1000));
}
