import { openStand } from '/work/main/test/browser/stand.js';
import { PROMOTED, ROLLED_BACK, FROZEN, WAITING } from '/work/main/test/browser/rollouts.js';
import { writeFileSync } from 'node:fs';
console.time('open'); const s = await openStand(); console.timeEnd('open');
for (const r of [PROMOTED, ROLLED_BACK, FROZEN, WAITING]) console.log(await s.begin(r.plan, r.script));
writeFileSync('/tmp/ui-url', s.ui);
console.log(s.ui);
process.on('SIGTERM', () => void s.stop().then(() => process.exit(0)));
setTimeout(() => void s.stop().then(() => process.exit(0)), 1_500_000);
