/** Buttons. A button that only shows an icon needs `label`, which is spoken and shown as a tooltip. */

import type { IconNode } from "lucide";
import type { ComponentChildren, Ref } from "preact";
import { Icon } from "./icon.tsx";

export interface ButtonProps {
  readonly children?: ComponentChildren;
  readonly icon?: IconNode | undefined;
  /** Spoken instead of the children; with an icon alone, also the tooltip. */
  readonly label?: string | undefined;
  /** Shown behind the label in the tooltip. */
  readonly keys?: string | undefined;
  readonly kind?: "primary" | "danger" | "outlined" | "link" | undefined;
  readonly disabled?: boolean | undefined;
  readonly pressed?: boolean | undefined;
  readonly submit?: boolean | undefined;
  /** The id of the form that it submits, if it does not stand in it. */
  readonly form?: string | undefined;
  readonly class?: string | undefined;
  readonly tabIndex?: number | undefined;
  /** Pressing it leaves the focus (and a phone's keyboard) where it is. */
  readonly keepsFocus?: boolean | undefined;
  /** Has the focus when the dialog it stands in opens. */
  readonly autofocus?: boolean | undefined;
  readonly buttonRef?: Ref<HTMLButtonElement> | undefined;
  readonly onClick?: ((event: MouseEvent) => void) | undefined;
}

export function Button(props: ButtonProps) {
  const alone = props.icon !== undefined && !hasContent(props.children);
  const tip = alone ? [props.label, props.keys].filter(Boolean).join("  ") : undefined;
  return (
    <button
      type={props.submit ? "submit" : "button"}
      form={props.form}
      class={props.class ? `button ${props.class}` : "button"}
      data-kind={props.kind}
      data-icon={alone ? "" : undefined}
      data-tip={tip}
      aria-label={props.label}
      aria-pressed={props.pressed}
      data-autofocus={props.autofocus ? "" : undefined}
      disabled={props.disabled}
      tabIndex={props.tabIndex}
      ref={props.buttonRef ?? null}
      onPointerDown={props.keepsFocus ? event => event.preventDefault() : undefined}
      onMouseDown={props.keepsFocus ? event => event.preventDefault() : undefined}
      onClick={props.onClick}
    >
      {props.icon && <Icon shape={props.icon} />}
      {props.children}
    </button>
  );
}

function hasContent(children: ComponentChildren): boolean {
  return children !== undefined && children !== null && children !== false && children !== "";
}
