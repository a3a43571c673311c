import { withoutRedis } from '../../harness/redis.js';
import { partitionConformance } from './conformance.js';
import { redisStage } from './stages.js';

partitionConformance('redis', redisStage, withoutRedis);
