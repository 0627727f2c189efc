/**
 * Dialogs on the native `<dialog>`: focus goes in, stays in, and comes back.
 *
 * `ask`, `askText` and `askWhich` are for questions that one line cannot ask; everything else is a line in the page.
 */

import { signal } from "@preact/signals";
import { X } from "lucide";
import type { ComponentChildren } from "preact";
import { useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { drawNow } from "../draw.ts";
import { Button } from "./button.tsx";

export function Dialog(props: {
  readonly title: string;
  readonly onClose: () => void;
  readonly children: ComponentChildren;
  readonly actions?: ComponentChildren;
  readonly wide?: boolean;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  useModal(dialog);
  return (
    <dialog
      ref={dialog}
      class="dialog"
      data-wide={props.wide ? "" : undefined}
      aria-labelledby={id}
      onCancel={event => {
        event.preventDefault();
        props.onClose();
        // The next key is for what has the focus back.
        drawNow();
      }}
      onClick={event => {
        if (event.target === dialog.current) props.onClose();
      }}
      onKeyDown={event => event.stopPropagation()}
    >
      <header>
        <h2 id={id}>{props.title}</h2>
        <Button icon={X} label="Close" onClick={props.onClose} />
      </header>
      <div class="dialog-body">{props.children}</div>
      {props.actions && <footer>{props.actions}</footer>}
    </dialog>
  );
}

/** Show as modal while mounted, and give the focus back. */
export function useModal(dialog: { readonly current: HTMLDialogElement | null }): void {
  useLayoutEffect(() => {
    const element = dialog.current;
    if (element === null) return;
    const before = document.activeElement;
    if (typeof element.showModal === "function") element.showModal();
    else element.setAttribute("open", "");
    element.querySelector<HTMLElement>("[data-autofocus]")?.focus();
    return () => {
      if (typeof element.close === "function") element.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus({ preventScroll: true });
    };
  }, [dialog]);
}

export interface Choice<T extends string> {
  readonly value: T;
  readonly label: string;
  readonly kind?: "primary" | "danger" | "outlined";
}

interface Question {
  readonly title: string;
  readonly text: string;
  readonly choices: readonly Choice<string>[];
  readonly answer: (value: string | null) => void;
}

interface TextQuestion {
  readonly title: string;
  readonly label: string;
  readonly value: string;
  readonly action: string;
  /** Returns the sentence that says what is wrong with a value, or nothing. */
  readonly check: (value: string) => string | undefined;
  readonly answer: (value: string | null) => void;
}

export interface Option {
  readonly value: string;
  readonly label: string;
  /** In small letters beside the label. */
  readonly note: string;
}

interface WhichQuestion {
  readonly title: string;
  readonly text: string;
  /** At least one; the first is chosen to begin with. */
  readonly options: readonly Option[];
  /** The word on the button, which cannot be taken back. */
  readonly action: string;
  readonly answer: (value: string | null) => void;
}

const question = signal<Question | null>(null);
const textQuestion = signal<TextQuestion | null>(null);
const whichQuestion = signal<WhichQuestion | null>(null);

/** Ask something; `null` means that nothing was chosen. The last choice has the focus. */
export function ask<T extends string>(
  title: string,
  text: string,
  choices: readonly Choice<T>[],
): Promise<T | null> {
  return new Promise(resolve => {
    question.value = {
      title,
      text,
      choices,
      answer: value => {
        question.value = null;
        resolve(choices.find(choice => choice.value === value)?.value ?? null);
      },
    };
  });
}

/** Ask for one line; `null` means that it was left. */
export function askText(
  title: string,
  label: string,
  options: {
    readonly value?: string;
    readonly action: string;
    readonly check?: (value: string) => string | undefined;
  },
): Promise<string | null> {
  return new Promise(resolve => {
    textQuestion.value = {
      title,
      label,
      value: options.value ?? "",
      action: options.action,
      check: options.check ?? (() => undefined),
      answer: value => {
        textQuestion.value = null;
        resolve(value);
      },
    };
  });
}

/** Ask which of these; `null` means that it was left. */
export function askWhich(asked: Omit<WhichQuestion, "answer">): Promise<string | null> {
  return new Promise(resolve => {
    whichQuestion.value = {
      ...asked,
      answer: value => {
        whichQuestion.value = null;
        resolve(value);
      },
    };
  });
}

/** Stands once in the page. */
export function DialogHost() {
  const open = question.value;
  const text = textQuestion.value;
  const which = whichQuestion.value;
  return (
    <>
      {open && (
        <Dialog
          title={open.title}
          onClose={() => open.answer(null)}
          actions={
            <>
              <Button kind="outlined" onClick={() => open.answer(null)}>
                Cancel
              </Button>
              {open.choices.map((choice, index) => (
                <Button
                  key={choice.value}
                  kind={choice.kind ?? "primary"}
                  autofocus={index === open.choices.length - 1}
                  onClick={() => open.answer(choice.value)}
                >
                  {choice.label}
                </Button>
              ))}
            </>
          }
        >
          <p>{open.text}</p>
        </Dialog>
      )}
      {text && <TextDialog question={text} />}
      {which && <WhichDialog question={which} />}
    </>
  );
}

function WhichDialog({ question: asked }: { readonly question: WhichQuestion }) {
  const [value, setValue] = useState(asked.options[0]?.value ?? null);
  const id = useId();
  const submit = (event: Event) => {
    event.preventDefault();
    asked.answer(value);
  };
  return (
    <Dialog
      title={asked.title}
      onClose={() => asked.answer(null)}
      actions={
        <>
          <Button kind="outlined" onClick={() => asked.answer(null)}>
            Cancel
          </Button>
          {/* The form has it: without, Enter on a choice would do nothing. */}
          <Button kind="danger" submit form={id}>
            {asked.action}
          </Button>
        </>
      }
    >
      <form id={id} onSubmit={submit}>
        <fieldset class="options">
          <legend>{asked.text}</legend>
          {asked.options.map((option, index) => (
            <label key={option.value}>
              <input
                type="radio"
                name="which"
                checked={option.value === value}
                data-autofocus={index === 0 ? "" : undefined}
                onChange={() => setValue(option.value)}
              />
              <span>{option.label}</span> <small>{option.note}</small>
            </label>
          ))}
        </fieldset>
      </form>
    </Dialog>
  );
}

function TextDialog({ question: asked }: { readonly question: TextQuestion }) {
  const [value, setValue] = useState(asked.value);
  const [problem, setProblem] = useState<string>();
  const id = useId();
  const field = useRef<HTMLInputElement>(null);
  useLayoutEffect(() => {
    field.current?.focus();
    field.current?.setSelectionRange(0, stemLength(asked.value));
  }, [asked]);
  const submit = (event: Event) => {
    event.preventDefault();
    // The field itself: Enter may come before the last letter was drawn.
    const now = (field.current?.value ?? value).trim();
    const wrong = now === "" ? "Write a name first." : asked.check(now);
    if (wrong === undefined) asked.answer(now);
    else setProblem(wrong);
  };
  return (
    <Dialog
      title={asked.title}
      onClose={() => asked.answer(null)}
      actions={
        <>
          <Button kind="outlined" onClick={() => asked.answer(null)}>
            Cancel
          </Button>
          <Button kind="primary" onClick={submit}>
            {asked.action}
          </Button>
        </>
      }
    >
      <form onSubmit={submit}>
        <label for={id}>{asked.label}</label>
        <input
          ref={field}
          id={id}
          class="field"
          value={value}
          data-autofocus
          autocomplete="off"
          spellcheck={false}
          aria-invalid={problem !== undefined}
          aria-describedby={`${id}-problem`}
          onInput={event => {
            setValue(event.currentTarget.value);
            setProblem(undefined);
          }}
        />
        <p id={`${id}-problem`} class="field-problem" aria-live="polite">
          {problem}
        </p>
      </form>
    </Dialog>
  );
}

/** How much of a file name is its stem: what one wants to replace. */
export function stemLength(name: string): number {
  const dot = name.lastIndexOf(".");
  return dot > 0 ? dot : name.length;
}
