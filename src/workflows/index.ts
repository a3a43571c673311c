export { rollout } from './rollout.js';
export { keep } from './keep.js';
export { drain } from './drain.js';
export { janitor } from './janitor.js';
