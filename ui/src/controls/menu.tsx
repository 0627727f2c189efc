/**
 * Menus after the WAI-ARIA pattern: a menu bar, a button with a menu, a context menu.
 *
 * Arrows, Home, End, letters, Enter, Space, Escape and Tab work; the focus goes back to where it came from.
 * Knows nothing of what the items do.
 */

import { signal } from "@preact/signals";
import { Check } from "lucide";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useLayoutEffect, useRef, useState } from "preact/hooks";
import { Icon } from "./icon.tsx";
import { type Box, placeBeside } from "./place.ts";

export interface MenuAction {
  readonly label: string;
  /** As people read them: `⇧↵`. */
  readonly keys?: string | undefined;
  readonly disabled?: boolean | undefined;
  readonly checked?: boolean | undefined;
  readonly danger?: boolean | undefined;
  readonly run: () => void;
}

export type MenuEntry = MenuAction | { readonly heading: string } | "rule";

export interface MenuSpec {
  readonly label: string;
  /** Read when the menu opens. */
  readonly entries: () => readonly MenuEntry[];
}

function isAction(entry: MenuEntry): entry is MenuAction {
  return entry !== "rule" && "run" in entry;
}

interface MenuListProps {
  readonly label: string;
  readonly entries: readonly MenuEntry[];
  readonly anchor: Box;
  readonly onClose: (reason: "done" | "escape" | "outside" | "tab") => void;
  /** Left and Right, for a menu bar. */
  readonly onSideways?: ((step: -1 | 1) => void) | undefined;
  /** A press on this does not count as outside: it toggles the menu itself. */
  readonly owner?: HTMLElement | null | undefined;
}

function MenuList(props: MenuListProps) {
  const list = useRef<HTMLDivElement>(null);

  useLayoutEffect(() => {
    const element = list.current;
    if (element === null) return;
    // The top layer, where there is one: no ancestor's overflow or stacking can hide the menu.
    element.showPopover?.();
    const { left, top } = placeBeside(props.anchor, element.getBoundingClientRect(), {
      width: document.documentElement.clientWidth,
      height: window.innerHeight,
    });
    element.style.left = `${left}px`;
    element.style.top = `${top}px`;
    itemsOf(element)[0]?.focus({ preventScroll: true });
  }, [props.anchor]);

  useEffect(() => {
    const outside = (event: Event) => {
      const target = event.target;
      if (!(target instanceof Node)) return;
      if (list.current?.contains(target) || props.owner?.contains(target)) return;
      props.onClose("outside");
    };
    const gone = () => props.onClose("outside");
    document.addEventListener("pointerdown", outside, true);
    window.addEventListener("resize", gone);
    window.addEventListener("blur", gone);
    return () => {
      document.removeEventListener("pointerdown", outside, true);
      window.removeEventListener("resize", gone);
      window.removeEventListener("blur", gone);
    };
  }, [props.onClose, props.owner]);

  const onKeyDown = (event: KeyboardEvent) => {
    const items = itemsOf(list.current);
    const at = items.findIndex(item => item.matches(":focus"));
    const go = (index: number) => items[(index + items.length) % items.length]?.focus();
    event.stopPropagation();
    switch (event.key) {
      case "ArrowDown":
        go(at + 1);
        break;
      case "ArrowUp":
        go(at <= 0 ? items.length - 1 : at - 1);
        break;
      case "Home":
        go(0);
        break;
      case "End":
        go(items.length - 1);
        break;
      case "ArrowLeft":
        props.onSideways?.(-1);
        break;
      case "ArrowRight":
        props.onSideways?.(1);
        break;
      case "Escape":
        props.onClose("escape");
        break;
      case "Tab":
        props.onClose("tab");
        return;
      case "Enter":
      case " ":
        items[at]?.click();
        break;
      default: {
        if (event.key.length !== 1 || event.ctrlKey || event.metaKey || event.altKey) return;
        const found = [...items.slice(at + 1), ...items.slice(0, at + 1)].find(item =>
          item.dataset.label?.toLocaleLowerCase().startsWith(event.key.toLocaleLowerCase()),
        );
        found?.focus();
      }
    }
    event.preventDefault();
  };

  return (
    <div
      ref={list}
      class="menu"
      role="menu"
      aria-label={props.label}
      popover="manual"
      tabIndex={-1}
      onKeyDown={onKeyDown}
    >
      {props.entries.map((entry, index) =>
        entry === "rule" ? (
          <div key={index} role="separator" class="menu-rule" />
        ) : isAction(entry) ? (
          <MenuItem key={entry.label} action={entry} onDone={() => props.onClose("done")} />
        ) : (
          <div key={entry.heading} class="menu-heading" role="presentation">
            {entry.heading}
          </div>
        ),
      )}
    </div>
  );
}

function MenuItem({ action, onDone }: { readonly action: MenuAction; readonly onDone: () => void }) {
  const choose = () => {
    if (action.disabled) return;
    onDone();
    action.run();
  };
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: its role is one of two
    // biome-ignore lint/a11y/useAriaPropsSupportedByRole: menuitemcheckbox has aria-checked; menuitem is given none
    // biome-ignore lint/a11y/useKeyWithClickEvents: the menu handles the keys of all its items
    <div
      class="menu-item"
      role={action.checked === undefined ? "menuitem" : "menuitemcheckbox"}
      aria-checked={action.checked}
      aria-disabled={action.disabled || undefined}
      data-kind={action.danger ? "danger" : undefined}
      data-label={action.label}
      tabIndex={-1}
      onClick={choose}
      onPointerMove={event => event.currentTarget.focus({ preventScroll: true })}
    >
      <span>{action.checked && <Icon shape={Check} />}</span>
      <span>{action.label}</span>
      {action.keys ? <kbd>{action.keys}</kbd> : <span />}
    </div>
  );
}

function itemsOf(list: HTMLElement | null): HTMLElement[] {
  return list === null ? [] : [...list.querySelectorAll<HTMLElement>(".menu-item")];
}

/** A button that opens a menu below itself. */
export function MenuButton(props: {
  readonly spec: MenuSpec;
  readonly children: ComponentChildren;
  readonly class?: string | undefined;
  readonly tip?: string | undefined;
  readonly kind?: "primary" | "outlined" | undefined;
  readonly tabIndex?: number | undefined;
}) {
  const [anchor, setAnchor] = useState<Box | null>(null);
  const button = useRef<HTMLButtonElement>(null);
  const before = useRef<Element | null>(null);
  const close = (reason: string) => {
    setAnchor(null);
    if (reason !== "outside") giveBack(before.current, button.current);
  };
  const open = () => setAnchor(button.current?.getBoundingClientRect() ?? null);
  return (
    <>
      <button
        ref={button}
        type="button"
        class={props.class ? `button ${props.class}` : "button"}
        data-kind={props.kind}
        data-icon={props.tip ? "" : undefined}
        data-tip={anchor === null ? props.tip : undefined}
        aria-label={props.tip}
        aria-haspopup="menu"
        aria-expanded={anchor !== null}
        tabIndex={props.tabIndex}
        onPointerDown={() => {
          before.current = document.activeElement;
        }}
        onClick={() => (anchor === null ? open() : setAnchor(null))}
        onKeyDown={event => {
          if (event.key !== "ArrowDown") return;
          event.preventDefault();
          before.current = null;
          open();
        }}
      >
        {props.children}
      </button>
      {anchor && (
        <MenuList
          label={props.spec.label}
          entries={props.spec.entries()}
          anchor={anchor}
          owner={button.current}
          onClose={close}
        />
      )}
    </>
  );
}

/** A row of menus. One tab stop; Left and Right walk, Down opens. */
export function Menubar({ label, menus }: { readonly label: string; readonly menus: readonly MenuSpec[] }) {
  const bar = useRef<HTMLDivElement>(null);
  const id = useId();
  const [current, setCurrent] = useState(0);
  const [anchor, setAnchor] = useState<Box | null>(null);
  const before = useRef<Element | null>(null);

  const buttons = () => [
    ...(bar.current?.querySelectorAll<HTMLElement>("[role=menuitem][aria-haspopup]") ?? []),
  ];
  const show = (index: number) => {
    setCurrent(index);
    setAnchor(buttons()[index]?.getBoundingClientRect() ?? null);
  };
  const step = (by: -1 | 1) => {
    const next = (current + by + menus.length) % menus.length;
    if (anchor !== null) show(next);
    else {
      setCurrent(next);
      buttons()[next]?.focus();
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (anchor !== null) return;
    before.current = null;
    if (event.key === "ArrowRight") step(1);
    else if (event.key === "ArrowLeft") step(-1);
    else if (event.key === "ArrowDown" || event.key === "Enter" || event.key === " ") show(current);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  const open = menus[current];
  return (
    <div ref={bar} class="menubar" role="menubar" aria-label={label} tabIndex={-1} onKeyDown={onKeyDown}>
      {menus.map((menu, index) => (
        <button
          key={menu.label}
          id={`${id}-${index}`}
          type="button"
          class="button"
          role="menuitem"
          aria-haspopup="menu"
          aria-expanded={anchor !== null && index === current}
          tabIndex={index === current ? 0 : -1}
          onPointerDown={() => {
            // Pressing moves the focus to the button; what had it before gets it back.
            if (anchor === null) before.current = document.activeElement;
          }}
          onClick={() => (anchor !== null && index === current ? setAnchor(null) : show(index))}
          onPointerEnter={event => {
            if (anchor !== null && index !== current && event.pointerType === "mouse") show(index);
          }}
        >
          {menu.label}
        </button>
      ))}
      {anchor && open && (
        <MenuList
          key={open.label}
          label={open.label}
          entries={open.entries()}
          anchor={anchor}
          owner={bar.current}
          onSideways={step}
          onClose={reason => {
            setAnchor(null);
            if (reason !== "outside") giveBack(before.current, buttons()[current]);
          }}
        />
      )}
    </div>
  );
}

function giveBack(before: Element | null, otherwise: HTMLElement | null | undefined): void {
  const usable = before instanceof HTMLElement && before.isConnected && before !== document.body;
  (usable ? before : otherwise)?.focus({ preventScroll: true });
}

interface OpenContextMenu {
  readonly spec: MenuSpec;
  readonly anchor: Box;
  readonly before: Element | null;
}

const contextMenu = signal<OpenContextMenu | null>(null);

/** Open a menu at a point of the screen, instead of the browser's own. */
export function openContextMenu(event: MouseEvent, spec: MenuSpec): void {
  event.preventDefault();
  const { clientX: x, clientY: y } = event;
  contextMenu.value = {
    spec,
    anchor: { left: x, right: x, top: y, bottom: y },
    before: document.activeElement,
  };
}

/** Stands once in the page. */
export function ContextMenuHost() {
  const open = contextMenu.value;
  if (open === null) return null;
  return (
    <MenuList
      label={open.spec.label}
      entries={open.spec.entries()}
      anchor={open.anchor}
      onClose={reason => {
        contextMenu.value = null;
        if (reason !== "outside" && open.before instanceof HTMLElement)
          open.before.focus({ preventScroll: true });
      }}
    />
  );
}
