import {useSyncExternalStore} from 'react';
import type {Observable} from '../state/observable.js';

/** The value of something outside of React, and a redraw when it changes. */
export const useObservable = <Value>(observable: Observable<Value>): Value =>
	useSyncExternalStore(observable.subscribe, observable.get);
