/**
 * What every view needs: in the entry's chunk, so that it costs no request of its own.
 *
 * Imported for being loaded; nothing here runs.
 */

import "./styles/base.css";
import "./controls/announce.tsx";
import "./controls/button.tsx";
import "./controls/dialog.tsx";
import "./controls/hosts.tsx";
import "./controls/icon.tsx";
import "./controls/menu.tsx";
import "./controls/rename.tsx";
import "./views/breadcrumb.tsx";
import "./views/places.ts";
import "./views/words.ts";
