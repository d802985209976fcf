// Two people have changed an item at a time: what the other did is shown, and both are merged.
import { html, useState } from "./vendor/htm-preact.js";
import { pointerLabel } from "./form.js";
import { own } from "./json.js";
import { setAtPath } from "./patch.js";
import { Dialog, Text } from "./ui.js";
import { Value } from "./value.js";

/** merged, conflicts, theirChanges: as mergeThreeWay gives them. onMerge takes the value that was agreed on. */
export function MergeDialog({ schema, merged, conflicts, theirChanges, onMerge, onClose }) {
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
  const unconflicted = theirChanges.filter((where) => !conflicts.some(({ pointer }) => pointer === where));
  return html`<${Dialog} title="Someone else has changed this" onClose=${onClose}>
    <div class="dialog-body">
      <p>Nothing is overwritten. Your changes and theirs become one, which you can look over before you save.</p>
      ${unconflicted.length > 0 && html`<p class="hint">Taken over from them: ${unconflicted.map(pointerLabel).join("; ")}.</p>`}
      ${conflicts.map(({ path, pointer, mine, theirs: their }) => {
        const rule = path.length === 1 ? own(schema.properties, path[0]) : undefined;
        const option = (side, label, value) => html`<label class="side-by-side">
          <input type="radio" name=${pointer} checked=${theirs.has(pointer) === (side === "theirs")} onChange=${() => choose(pointer, side)} />
          <span class="label">${label}</span><${Value} value=${value} schema=${rule} />
        </label>`;
        return html`<fieldset class="conflict" key=${pointer}>
          <legend><${Text} value=${pointerLabel(pointer)} limit=${80} /></legend>
          ${option("mine", "Yours", mine)} ${option("theirs", "Theirs", their)}
        </fieldset>`;
      })}
    </div>
    <footer class="buttons">
      <button type="button" class="button" onClick=${onClose}>Not now</button>
      <button type="button" class="button primary" onClick=${finish}>Merge</button>
    </footer>
  <//>`;
}
