export { rollout } from './rollout.js';
export { keep } from './keep.js';
export { janitor } from './janitor.js';
