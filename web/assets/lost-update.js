// Two people have changed an item at a time: what the other did is shown, and both are merged.
import { html, useState } from "./vendor/htm-preact.js";
import { pointerLabel } from "./form.js";
import { setAtPath } from "./patch.js";
import { Dialog, Text } from "./ui.js";
import { Value } from "./value.js";
import { ruleAt } from "./words.js";

/** merged, conflicts, changes: as mergeThreeWay gives them. onMerge takes the value that was agreed on. */
export function MergeDialog({ schema, merged, conflicts, changes, onMerge, onClose }) {
  const [theirs, setTheirs] = useState(new Set());
  const choose = (where, side) => {
    const next = new Set(theirs);
    next[side === "theirs" ? "add" : "delete"](where);
    setTheirs(next);
  };
  const finish = () => {
    const chosen = conflicts.filter(({ pointer }) => theirs.has(pointer));
    onMerge(chosen.reduce((value, conflict) => setAtPath(value, conflict.path, conflict.theirs), merged));
  };
  const listOf = (title, list) => list.length > 0 && html`<section class="field">
    <h3>${title}</h3>
    <dl class="changes">${list.map(({ pointer, before, after }) => html`<div key=${pointer}>
      <dt><${Text} value=${pointerLabel(pointer)} limit=${80} /></dt>
      <dd><del><span class="visually-hidden">before: </span><${Value} value=${before} schema=${ruleAt(schema, pointer)} /></del>
        <ins><span class="visually-hidden">now: </span><${Value} value=${after} schema=${ruleAt(schema, pointer)} /></ins></dd>
    </div>`)}</dl>
  </section>`;
  return html`<${Dialog} title="Someone else has changed this" onClose=${onClose}>
    <div class="dialog-body">
      <p>Nothing is overwritten. ${conflicts.length > 0 ? "Choose a value where you both changed the same property, then review" : "Review"} the result before you save it.</p>
      ${conflicts.map(({ pointer, mine, theirs: their }) => {
        const option = (side, label, value) => html`<label class="side-by-side">
          <input type="radio" name=${pointer} checked=${theirs.has(pointer) === (side === "theirs")} onChange=${() => choose(pointer, side)} />
          <span class="label">${label}</span><span><${Value} value=${value} schema=${ruleAt(schema, pointer)} /></span>
        </label>`;
        return html`<fieldset class="conflict" key=${pointer}>
          <legend><${Text} value=${pointerLabel(pointer)} limit=${80} /></legend>
          ${option("mine", "Yours", mine)} ${option("theirs", "Theirs", their)}
        </fieldset>`;
      })}
      ${listOf("Their other changes, which are kept", changes.filter(({ isTheirs }) => isTheirs))}
      ${listOf(conflicts.length ? "Your other changes" : "Your changes", changes.filter(({ isTheirs }) => !isTheirs))}
    </div>
    <footer class="buttons">
      <button type="button" class="button" onClick=${onClose}>Not now</button>
      <button type="button" class="button primary" onClick=${finish}>Merge</button>
    </footer>
  <//>`;
}
